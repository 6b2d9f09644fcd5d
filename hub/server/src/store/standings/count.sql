INSERT INTO standings (pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq)
VALUES (?1, ?2, ?3, ?7, ?4, NULL, ?5, ?6)
ON CONFLICT DO UPDATE SET
    tries = tries + excluded.tries,
    solved = max(solved, excluded.solved),
    helped_seq = NULL,
    last_attempt = excluded.last_attempt,
    last_seq = excluded.last_seq
RETURNING pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq
