INSERT INTO consents (id, pupil_id, guardian_id, scope, method, text_version, given_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
