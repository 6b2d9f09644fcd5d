SELECT name FROM cache_rebuilds
