DELETE FROM cache_rebuilds WHERE name = ?1
