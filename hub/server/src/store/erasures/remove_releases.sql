DELETE FROM releases WHERE pupil_id = ?1
