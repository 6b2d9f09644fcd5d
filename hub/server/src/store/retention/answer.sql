SELECT attempts.pupil_id, attempts.problem_version_id, attempts.lesson_id, attempts.skill, attempts.day, attempts.answer, grades.grade
FROM attempts
LEFT JOIN grades ON grades.attempt_seq = attempts.hub_seq
WHERE attempts.hub_seq = ?1
ORDER BY grades.revision DESC
LIMIT 1
