SELECT id, kind, lesson_id, problem_version_id, text, by_user, created_at, seen_at IS NOT NULL
FROM pupil_notes
WHERE pupil_id = ?1
ORDER BY created_at DESC, id DESC
LIMIT ?2
