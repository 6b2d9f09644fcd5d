SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND archived_at IS NULL)
