UPDATE class_groups SET name = ?2 WHERE id = ?1
