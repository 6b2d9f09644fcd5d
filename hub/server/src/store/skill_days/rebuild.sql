DELETE FROM skill_days;
INSERT INTO skill_days (pupil_id, skill, day, attempts, rights, last_seq)
SELECT attempts.pupil_id, attempts.skill, attempts.day, count(*), sum(grades.is_right), max(attempts.hub_seq)
FROM attempts
JOIN grades ON grades.attempt_seq = attempts.hub_seq
WHERE grades.is_evidence = 1
  AND grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
GROUP BY attempts.pupil_id, attempts.skill, attempts.day;
