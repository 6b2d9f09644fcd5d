-- Each pupil's rows lie lesson by lesson, and the first that fits is enough.
SELECT count(*), coalesce(sum(solved), 0)
FROM (
    SELECT EXISTS (
        SELECT 1 FROM standings
        WHERE pupil_id = pupils.pupil_id
            AND lesson_id IN (SELECT unhex(value) FROM json_each(?2))
            AND problem_version_id = ?3
            AND solved = 1
            AND tries > 0
    ) AS solved
    FROM (SELECT DISTINCT pupil_id FROM enrolments WHERE class_id = ?1) AS pupils
    WHERE EXISTS (
        SELECT 1 FROM standings
        WHERE pupil_id = pupils.pupil_id
            AND lesson_id IN (SELECT unhex(value) FROM json_each(?2))
            AND problem_version_id = ?3
            AND tries > 0
    )
)
