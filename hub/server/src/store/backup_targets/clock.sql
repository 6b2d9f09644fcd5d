SELECT believed_at, seen_at, steady_ms, jumps FROM backup_clock WHERE one = 1
