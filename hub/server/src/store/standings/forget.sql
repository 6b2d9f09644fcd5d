-- The plus keeps the range of pupils, which may be everybody, from leading the search.
DELETE FROM standings
WHERE +pupil_id BETWEEN ?1 AND ?2 AND problem_version_id BETWEEN ?3 AND ?4
