INSERT INTO audit_reasons (audit_seq, text) VALUES (?1, ?2)
