UPDATE recovery_sheets SET kept_at = coalesce(kept_at, ?1) WHERE one = 1
