INSERT INTO sign_in_cards (pupil_id, hash, created_at) VALUES (?1, ?2, ?3)
ON CONFLICT (pupil_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at
