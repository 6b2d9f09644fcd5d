DELETE FROM answer_counts
WHERE lesson_id = ?1 AND problem_version_id = ?2 AND answer = ?3 AND outcome = ?4 AND count <= 0
