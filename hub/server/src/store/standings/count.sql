INSERT INTO standings (
    pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq,
    first_at, last_at, solved_at, wrong_in_row, misconception, misconception_in_row, helps, helped_at
) VALUES (
    ?1, ?2, ?3, ?4, ?5, NULL, ?6, ?7,
    ?8, ?8, iif(?5, ?8, NULL), ?4 AND NOT ?5, ?9, ?9 IS NOT NULL, 0, NULL
)
ON CONFLICT DO UPDATE SET
    tries = tries + excluded.tries,
    -- In an exam (?10) the latest answer counts, whenever it arrives, but no second try (?11) after its grades were seen;
    -- else a problem once solved stays solved.
    solved = CASE
        WHEN ?11 THEN solved
        WHEN ?10 THEN iif(excluded.last_at >= last_at, excluded.solved, solved)
        ELSE max(solved, excluded.solved)
    END,
    helped_seq = NULL,
    helped_at = NULL,
    last_attempt = iif(NOT ?11 AND excluded.last_at >= last_at, excluded.last_attempt, last_attempt),
    last_seq = excluded.last_seq,
    first_at = min(first_at, excluded.first_at),
    last_at = max(last_at, excluded.last_at),
    solved_at = iif(excluded.solved, min(coalesce(solved_at, excluded.solved_at), excluded.solved_at), solved_at),
    wrong_in_row = iif(excluded.solved, 0, wrong_in_row + excluded.tries),
    misconception = iif(excluded.tries, excluded.misconception, misconception),
    misconception_in_row = CASE
        WHEN NOT excluded.tries THEN misconception_in_row
        WHEN excluded.misconception IS NULL THEN 0
        WHEN excluded.misconception = misconception THEN misconception_in_row + 1
        ELSE 1
    END
RETURNING
    pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq,
    first_at, last_at, solved_at, wrong_in_row, misconception, misconception_in_row, helps, helped_at
