SELECT epoch FROM hub WHERE one = 1
