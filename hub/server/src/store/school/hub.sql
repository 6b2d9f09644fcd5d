SELECT hub_id, school_name, time_zone FROM hub WHERE one = 1
