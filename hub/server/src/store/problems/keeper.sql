SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = 'versions_are_kept_as_written'
