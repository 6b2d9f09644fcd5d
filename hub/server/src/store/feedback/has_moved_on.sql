-- Since the help was asked for: an answer to another problem, or this one solved. `+` keeps to the pupil's own index.
SELECT EXISTS (
    SELECT 1
    FROM attempts a
    WHERE a.pupil_id = ?1 AND +a.hub_seq > ?2
      AND (a.problem_version_id <> ?3
           OR EXISTS (SELECT 1 FROM grades g WHERE g.attempt_seq = a.hub_seq AND g.is_right = 1))
)
