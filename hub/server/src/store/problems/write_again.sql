UPDATE problem_versions SET skill = ?2, draft = ?3, content_hash = ?4 WHERE id = ?1
