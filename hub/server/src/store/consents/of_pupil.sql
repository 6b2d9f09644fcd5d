SELECT id, guardian_id, scope, method, text_version, given_at, withdrawn_at
FROM consents
WHERE pupil_id = ?1
ORDER BY given_at DESC, id DESC
