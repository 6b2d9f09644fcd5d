SELECT max(
    coalesce((SELECT last_seq FROM hub), 0),
    coalesce((SELECT max(hub_seq) FROM attempts), 0),
    coalesce((SELECT max(hub_seq) FROM grades), 0),
    coalesce((SELECT max(hub_seq) FROM feedback), 0)
)
