SELECT pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq
FROM standings
WHERE pupil_id = ?1
