SELECT id, role, login_name, name, language, must_change, token_version, archived_at IS NOT NULL, secret <> '!' FROM users WHERE erased_at IS NULL
