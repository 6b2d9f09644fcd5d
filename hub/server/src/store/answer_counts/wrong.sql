SELECT answer, count FROM answer_counts WHERE lesson_id = ?1 AND problem_version_id = ?2 AND outcome = 'wrong'
