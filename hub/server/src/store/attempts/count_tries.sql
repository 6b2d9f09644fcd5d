SELECT count(*)
FROM attempts
JOIN grades ON grades.attempt_seq = attempts.hub_seq AND grades.revision = 1
WHERE attempts.pupil_id = ?1
  AND attempts.problem_version_id = ?2
  AND attempts.lesson_id IS ?3
  AND attempts.hub_seq <= ?4
  AND grades.is_evidence = 1
