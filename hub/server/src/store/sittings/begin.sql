INSERT INTO sittings (lesson_id, pupil_id, seed, begun_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING
