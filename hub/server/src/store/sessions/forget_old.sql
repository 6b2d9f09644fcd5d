DELETE FROM sessions
WHERE ended_at < ?1 - (SELECT keep_days FROM retention WHERE kind = 'sessions') * 86400000
