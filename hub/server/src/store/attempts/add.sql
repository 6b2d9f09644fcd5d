INSERT INTO attempts (
    hub_seq, epoch, id, pupil_id, problem_version_id, lesson_id, skill, device_id, device_seq,
    body_hash, answer, occurred_at, received_at, day, row_hash
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
