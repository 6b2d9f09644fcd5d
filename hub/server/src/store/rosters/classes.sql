SELECT id, name, grade, school_year, archived_at IS NOT NULL FROM classes ORDER BY id
