INSERT INTO backup_verified (one, epoch_id, hub_seq, target, at)
SELECT 1, ?1, ?2, ?3, ?4
FROM hub JOIN epochs ON epochs.epoch = hub.epoch
WHERE epochs.epoch_id = ?1
ON CONFLICT (one) DO UPDATE
SET epoch_id = excluded.epoch_id, hub_seq = excluded.hub_seq, target = excluded.target, at = excluded.at
WHERE backup_verified.epoch_id <> excluded.epoch_id OR backup_verified.hub_seq <= excluded.hub_seq
