-- CROSS keeps the order: the days are looked up skill by skill, not read from the beginning.
SELECT skill_days.day, sum(skill_days.attempts), sum(skill_days.rights), sum(skill_days.firsts), sum(skill_days.first_rights)
FROM masteries
CROSS JOIN skill_days ON skill_days.pupil_id = masteries.pupil_id
    AND skill_days.skill = masteries.skill
    AND skill_days.day BETWEEN ?2 AND ?3
WHERE masteries.pupil_id = ?1
GROUP BY skill_days.day
ORDER BY skill_days.day
