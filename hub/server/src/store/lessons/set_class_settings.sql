UPDATE classes SET auto_feedback = ?2, solution_after_tries = ?3 WHERE id = ?1
