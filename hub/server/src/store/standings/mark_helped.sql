UPDATE standings SET helped_seq = ?4, last_seq = ?4, helped_at = ?5, helps = helps + 1
WHERE pupil_id = ?1 AND lesson_id = ?2 AND problem_version_id = ?3
RETURNING
    pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq,
    first_at, last_at, solved_at, wrong_in_row, misconception, misconception_in_row, helps, helped_at
