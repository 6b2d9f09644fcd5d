DELETE FROM problem_versions WHERE id = ?1
