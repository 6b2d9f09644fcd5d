SELECT hub_seq, epoch, id, pupil_id, problem_version_id, lesson_id, body_hash, answer, received_at, device_id,
       device_seq
FROM attempts
WHERE pupil_id = ?1
ORDER BY hub_seq DESC
LIMIT ?2
