SELECT epoch, snapshot_at FROM put_backs WHERE is_other_state = 1 ORDER BY epoch DESC LIMIT 1
