SELECT made_at, kept_at FROM recovery_sheets WHERE one = 1
