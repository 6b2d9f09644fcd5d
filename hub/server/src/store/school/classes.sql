SELECT id, name, grade, school_year, language, code, auto_feedback, solution_after_tries, archived_at IS NOT NULL FROM classes
