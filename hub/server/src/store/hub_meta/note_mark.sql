UPDATE hub SET marked_at = coalesce(marked_at, ?1) WHERE one = 1
