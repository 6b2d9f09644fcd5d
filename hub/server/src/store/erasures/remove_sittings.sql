DELETE FROM sittings WHERE pupil_id = ?1
