UPDATE recovery_sheets SET kept_at = NULL WHERE one = 1
