INSERT INTO consents (id, pupil_id, guardian_id, scope, method, text_version, given_at, withdrawn_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (id) DO UPDATE SET withdrawn_at = coalesce(withdrawn_at, excluded.withdrawn_at)
