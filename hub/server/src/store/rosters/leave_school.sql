UPDATE enrolments SET to_day = max(from_day, ?2) WHERE pupil_id = ?1 AND to_day IS NULL
