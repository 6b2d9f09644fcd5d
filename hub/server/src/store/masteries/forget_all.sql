DELETE FROM masteries
