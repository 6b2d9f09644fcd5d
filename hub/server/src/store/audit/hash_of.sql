SELECT hash FROM audit WHERE seq = ?1
