SELECT pupil_id, proof, hash FROM deposits
