INSERT OR REPLACE INTO backup_targets (
       name, repository_id, other_device, last_try_at, last_backup_at, last_backup_seq, last_bytes, snapshots,
       last_restored_at, restore_ms, verified_epoch, verified_seq, trouble, trouble_since, tidied_at, ledgers_sum
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
