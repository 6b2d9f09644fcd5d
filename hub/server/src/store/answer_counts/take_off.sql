UPDATE answer_counts SET count = count - 1
WHERE lesson_id = ?1 AND problem_version_id = ?2 AND answer = ?3 AND outcome = ?4
