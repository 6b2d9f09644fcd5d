SELECT id, hub_seq FROM attempts WHERE id IN (SELECT unhex(value) FROM json_each(?1))
