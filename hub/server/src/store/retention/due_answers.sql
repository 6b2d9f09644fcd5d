-- What seems older than the hub itself was received under a wrong clock: its age is not known, so it is kept.
SELECT
    (SELECT count(*) FROM attempts WHERE received_at < ?1 AND received_at >= (SELECT created_at FROM hub)),
    (SELECT received_at FROM attempts WHERE received_at >= (SELECT created_at FROM hub) ORDER BY hub_seq LIMIT 1)
