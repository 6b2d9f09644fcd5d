SELECT hub.hub_id, hub.school_name, epochs.epoch, epochs.epoch_id
FROM hub JOIN epochs ON epochs.epoch = hub.epoch
WHERE hub.one = 1
