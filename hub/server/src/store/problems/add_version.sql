INSERT INTO problem_versions (id, problem_id, version, skill, draft, content_hash, created_by, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
