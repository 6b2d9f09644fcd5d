SELECT name, pk FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid
