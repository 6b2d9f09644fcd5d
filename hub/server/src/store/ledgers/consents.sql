SELECT id, pupil_id, guardian_id, scope, method, text_version, given_at, withdrawn_at FROM consents ORDER BY given_at, id
