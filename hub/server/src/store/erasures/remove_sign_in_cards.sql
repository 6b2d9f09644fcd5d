DELETE FROM sign_in_cards WHERE pupil_id = ?1
