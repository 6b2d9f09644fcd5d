SELECT draft, content_hash FROM problem_versions WHERE id = ?1
