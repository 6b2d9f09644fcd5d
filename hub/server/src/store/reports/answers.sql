SELECT
    attempts.problem_version_id, attempts.lesson_id, attempts.skill, attempts.day, attempts.answer, attempts.occurred_at,
    grades.grade, grades.source, grades.misconception,
    attempts.hub_seq, late_answers.late_by_secs
FROM attempts
JOIN grades ON grades.attempt_seq = attempts.hub_seq
LEFT JOIN late_answers ON late_answers.attempt_seq = attempts.hub_seq
WHERE attempts.pupil_id = ?1
  AND attempts.day BETWEEN ?2 AND ?3
  AND attempts.hub_seq > ?4
  AND grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
ORDER BY attempts.hub_seq
LIMIT ?5
