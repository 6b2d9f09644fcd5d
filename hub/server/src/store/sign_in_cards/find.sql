SELECT pupil_id FROM sign_in_cards WHERE hash = ?1
