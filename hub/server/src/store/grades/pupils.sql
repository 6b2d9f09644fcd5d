SELECT DISTINCT pupil_id FROM attempts
