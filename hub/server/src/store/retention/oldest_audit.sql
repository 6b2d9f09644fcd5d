SELECT seq, at, hash FROM audit ORDER BY seq LIMIT ?1
