SELECT epoch_id, hub_seq, target, at FROM backup_verified WHERE one = 1
