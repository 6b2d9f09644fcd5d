SELECT sittings.lesson_id, count(*)
FROM lessons
JOIN sittings ON sittings.lesson_id = lessons.id
WHERE lessons.class_id = ?1 AND sittings.shown_at IS NOT NULL
GROUP BY 1
