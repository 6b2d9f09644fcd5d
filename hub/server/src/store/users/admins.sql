SELECT id, login_name FROM users WHERE role = 'admin' AND archived_at IS NULL AND login_name IS NOT NULL ORDER BY login_name
