SELECT kind, keep_days FROM retention ORDER BY kind
