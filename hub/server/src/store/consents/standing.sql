SELECT count(*) FILTER (WHERE withdrawn_at IS NULL) > 0, count(*) > 0
FROM consents
WHERE pupil_id = ?1 AND scope = ?2
