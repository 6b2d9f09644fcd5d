SELECT hub_seq, epoch, id, pupil_id, problem_version_id, lesson_id, device_id, device_seq, body_hash,
       answer, occurred_at, received_at, day, skill, row_hash
FROM attempts
WHERE hub_seq = ?1
