SELECT 1
FROM attempts
JOIN problem_versions ON problem_versions.id = attempts.problem_version_id
JOIN grades ON grades.attempt_seq = attempts.hub_seq
WHERE attempts.pupil_id = ?1
  AND attempts.skill = ?2
  AND attempts.day = ?3
  AND problem_versions.problem_id = ?4
  AND attempts.hub_seq < ?5
  AND grades.is_evidence = 1
  AND grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
