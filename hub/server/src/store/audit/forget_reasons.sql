DELETE FROM audit_reasons WHERE audit_seq IN (SELECT seq FROM audit WHERE subject = ?1)
