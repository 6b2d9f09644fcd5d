UPDATE regrades SET restored_version_id = ?2 WHERE id = ?1
