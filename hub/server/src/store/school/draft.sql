SELECT draft FROM problem_versions WHERE id = ?1
