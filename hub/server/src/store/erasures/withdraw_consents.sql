UPDATE consents SET withdrawn_at = coalesce(withdrawn_at, ?2) WHERE pupil_id = ?1
