SELECT a.hub_seq, a.id, a.pupil_id, a.problem_version_id, a.lesson_id, a.answer, g.grade, g.misconception
FROM attempts a
JOIN grades g ON g.attempt_seq = a.hub_seq
WHERE a.id = ?1
ORDER BY g.revision DESC
LIMIT 1
