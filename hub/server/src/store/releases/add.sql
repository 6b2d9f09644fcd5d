INSERT INTO releases (pupil_id, problem_version_id, kind, level, by_user, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT DO NOTHING
