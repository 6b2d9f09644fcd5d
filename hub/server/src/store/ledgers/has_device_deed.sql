SELECT EXISTS (
    SELECT 1 FROM security_ledger
    WHERE json_valid(entry) AND entry ->> 'kind' = ?1 AND entry ->> 'device_id' = ?2
)
