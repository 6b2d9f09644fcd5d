INSERT INTO regrades (id, problem_id, key_version_id, key_is_new, reason, by_user, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
