INSERT INTO classes (id, name, grade, school_year, language, code, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
