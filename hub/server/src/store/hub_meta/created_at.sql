SELECT created_at FROM hub WHERE one = 1
