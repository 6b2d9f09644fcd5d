INSERT INTO skill_days (pupil_id, skill, day, attempts, rights, firsts, first_rights, last_seq)
SELECT pupil_id, skill, day, count(*), sum(is_right), sum(is_first), sum(is_first AND is_right), max(hub_seq)
FROM (
    SELECT
        attempts.pupil_id, attempts.skill, attempts.day, attempts.hub_seq, grades.is_right,
        row_number() OVER (
            PARTITION BY attempts.pupil_id, attempts.skill, attempts.day, problem_versions.problem_id
            ORDER BY attempts.hub_seq
        ) = 1 AS is_first
    FROM attempts
    JOIN problem_versions ON problem_versions.id = attempts.problem_version_id
    JOIN grades ON grades.attempt_seq = attempts.hub_seq
    WHERE grades.is_evidence = 1
      AND attempts.pupil_id = ?1 AND attempts.skill = ?2 AND attempts.day = ?3
      AND grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
)
GROUP BY pupil_id, skill, day
