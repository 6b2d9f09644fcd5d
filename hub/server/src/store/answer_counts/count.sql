INSERT INTO answer_counts (lesson_id, problem_version_id, answer, outcome, count) VALUES (?1, ?2, ?3, ?4, 1)
ON CONFLICT DO UPDATE SET count = count + 1
