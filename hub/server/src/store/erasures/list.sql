SELECT id, pupil_id, erased_at FROM erasures ORDER BY erased_at, id
