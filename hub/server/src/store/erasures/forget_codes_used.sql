UPDATE parent_codes SET used_by = NULL WHERE used_by = ?1
