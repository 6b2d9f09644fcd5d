SELECT
    attempts.hub_seq, attempts.id, attempts.pupil_id, attempts.problem_version_id, attempts.lesson_id, attempts.skill,
    attempts.day, attempts.answer,
    grades.hub_seq, grades.revision, grades.grade, grades.source, grades.misconception, grades.key_version_id, grades.reason
FROM attempts
JOIN grades ON grades.attempt_seq = attempts.hub_seq
WHERE attempts.problem_version_id = ?1
  AND attempts.hub_seq > ?2
  AND grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
ORDER BY attempts.hub_seq
