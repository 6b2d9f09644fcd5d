SELECT id, language FROM classes
