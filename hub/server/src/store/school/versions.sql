SELECT id, problem_id, version, skill FROM problem_versions
