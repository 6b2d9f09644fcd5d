SELECT lessons.state, lessons.opened_at, lessons.ends_at, lessons.paused_at, lessons.resumed_at, lessons.closed_at
FROM sittings
JOIN lessons ON lessons.id = sittings.lesson_id
WHERE sittings.pupil_id = ?1 AND lessons.state <> 'closed'
