SELECT row_hash FROM attempts ORDER BY hub_seq
