UPDATE consents SET withdrawn_at = coalesce(withdrawn_at, ?3) WHERE id = ?1 AND pupil_id = ?2
