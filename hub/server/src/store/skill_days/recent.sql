SELECT day, sum(attempts), sum(rights)
FROM skill_days
WHERE pupil_id = ?1
GROUP BY day
ORDER BY day DESC
LIMIT ?2
