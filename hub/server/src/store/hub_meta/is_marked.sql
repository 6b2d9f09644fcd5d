SELECT marked_at IS NOT NULL FROM hub WHERE one = 1
