SELECT
    pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq,
    first_at, last_at, solved_at, wrong_in_row, misconception, misconception_in_row, helps, helped_at
FROM standings
WHERE pupil_id = ?1 AND last_seq > ?2
