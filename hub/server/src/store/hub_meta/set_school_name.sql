UPDATE hub SET school_name = ?1 WHERE one = 1
