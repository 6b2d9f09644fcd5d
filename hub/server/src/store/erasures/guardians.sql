SELECT users.id, users.name, EXISTS (
    SELECT 1 FROM guardians AS others WHERE others.parent_id = users.id AND others.pupil_id <> ?1
)
FROM guardians
JOIN users ON users.id = guardians.parent_id
WHERE guardians.pupil_id = ?1
