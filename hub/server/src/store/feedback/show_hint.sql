UPDATE feedback SET hint = ?2, hint_level = ?3, hint_reason = ?4 WHERE hub_seq = ?1 AND hint IS NULL
