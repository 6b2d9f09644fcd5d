SELECT f.hub_seq, f.id, f.language, f.hint, f.hint_level, f.hint_reason,
       a.hub_seq, a.id, a.pupil_id, a.problem_version_id, a.lesson_id, a.answer, g.grade, g.misconception
FROM feedback f
JOIN attempts a ON a.hub_seq = f.attempt_seq
JOIN grades g ON g.attempt_seq = a.hub_seq
WHERE f.hub_seq = ?1 AND f.state = 'pending'
ORDER BY g.revision DESC
LIMIT 1
