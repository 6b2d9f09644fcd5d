SELECT parent_id, pupil_id FROM guardians ORDER BY created_at
