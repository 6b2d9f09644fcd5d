SELECT name, repository_id, other_device, last_try_at, last_backup_at, last_backup_seq, last_bytes, snapshots,
       last_restored_at, restore_ms, verified_epoch, verified_seq, trouble, trouble_since, tidied_at, ledgers_sum
FROM backup_targets
WHERE name = ?1
