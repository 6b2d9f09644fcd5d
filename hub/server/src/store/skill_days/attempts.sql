-- CROSS keeps the order: the days are looked up skill by skill, not read from the beginning.
SELECT coalesce(sum(skill_days.attempts), 0)
FROM masteries
CROSS JOIN skill_days ON skill_days.pupil_id = masteries.pupil_id
    AND skill_days.skill = masteries.skill
    AND skill_days.day >= ?2 AND skill_days.day < ?3
WHERE masteries.pupil_id = ?1
