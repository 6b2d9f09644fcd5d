SELECT (SELECT count(*) FROM audit WHERE at < ?1), (SELECT min(at) FROM audit)
