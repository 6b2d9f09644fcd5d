SELECT device_seq FROM items ORDER BY device_seq DESC LIMIT 1
