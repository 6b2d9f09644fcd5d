UPDATE hub SET last_seq = max(
    last_seq,
    coalesce((SELECT max(hub_seq) FROM attempts), 0),
    coalesce((SELECT max(hub_seq) FROM grades), 0),
    coalesce((SELECT max(hub_seq) FROM feedback), 0)
)
