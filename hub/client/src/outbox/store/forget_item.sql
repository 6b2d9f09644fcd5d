DELETE FROM items WHERE device_seq = ?1
