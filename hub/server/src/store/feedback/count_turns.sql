-- How often this pupil has been helped with this version, up to and with turn ?3; what expired helped nobody.
SELECT count(*)
FROM attempts a
JOIN feedback f ON f.attempt_seq = a.hub_seq
WHERE a.pupil_id = ?1 AND a.problem_version_id = ?2 AND f.hub_seq <= ?3 AND f.state <> 'expired'
