SELECT believed_at FROM backup_clock WHERE one = 1
