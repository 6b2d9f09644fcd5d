SELECT role, login_name IS NOT NULL, name, language, archived_at IS NOT NULL, secret <> '!'
FROM users
WHERE id = ?1 AND erased_at IS NULL
