INSERT OR REPLACE INTO deposits (pupil_id, proof, hash) VALUES (?1, ?2, ?3)
