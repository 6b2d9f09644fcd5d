INSERT INTO releases (pupil_id, problem_version_id, kind, created_at) VALUES (?1, ?2, 'solution', ?3) ON CONFLICT DO NOTHING
