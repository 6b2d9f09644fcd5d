SELECT hub_id FROM hub WHERE one = 1
