SELECT hub_seq, epoch, id, pupil_id, problem_version_id, lesson_id, body_hash, answer, received_at
FROM attempts
WHERE id = ?1
