UPDATE users SET
    login_name = iif(role = 'student', NULL, 'erased:' || hex(id)),
    name = '',
    secret = '!',
    must_change = 0,
    token_version = token_version + 1,
    archived_at = coalesce(archived_at, ?2),
    erased_at = ?2
WHERE id = ?1
