SELECT EXISTS (
    SELECT 1 FROM attempts
    WHERE pupil_id = ?1 AND lesson_id = ?2 AND problem_version_id = ?3 AND received_at <= ?4
)
