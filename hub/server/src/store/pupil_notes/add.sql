INSERT INTO pupil_notes (id, pupil_id, kind, lesson_id, problem_version_id, text, by_user, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
