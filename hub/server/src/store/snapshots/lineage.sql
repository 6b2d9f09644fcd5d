WITH RECURSIVE line (epoch, epoch_id, parent) AS (
    SELECT epochs.epoch, epochs.epoch_id, epochs.parent
    FROM hub JOIN epochs ON epochs.epoch = hub.epoch
    WHERE hub.one = 1
    UNION
    SELECT epochs.epoch, epochs.epoch_id, epochs.parent
    FROM epochs JOIN line ON epochs.epoch = line.parent
)
SELECT epoch_id FROM line ORDER BY epoch DESC
