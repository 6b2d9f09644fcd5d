SELECT hub_seq, epoch, id, pupil_id, problem_version_id, lesson_id, body_hash, answer, received_at, device_id,
       device_seq
FROM attempts
WHERE id = ?1
