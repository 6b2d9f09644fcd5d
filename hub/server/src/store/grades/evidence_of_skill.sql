SELECT attempts.day, attempts.hub_seq, problem_versions.problem_id, grades.is_right
FROM attempts
JOIN problem_versions ON problem_versions.id = attempts.problem_version_id
JOIN grades ON grades.attempt_seq = attempts.hub_seq
WHERE attempts.pupil_id = ?1
  AND attempts.skill = ?2
  AND grades.is_evidence = 1
  AND grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
ORDER BY attempts.day, attempts.hub_seq
