INSERT INTO users (id, role, login_name, name, language, secret, must_change, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
