SELECT seq, at, actor, origin, action, subject, detail, prev_hash, hash FROM audit ORDER BY seq
