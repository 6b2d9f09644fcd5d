DELETE FROM sittings
WHERE (lesson_id, pupil_id) IN (
    SELECT sittings.lesson_id, sittings.pupil_id
    FROM sittings
    JOIN lessons ON lessons.id = sittings.lesson_id
    WHERE sittings.begun_at < ?1 AND lessons.state = 'closed'
    LIMIT ?2
)
