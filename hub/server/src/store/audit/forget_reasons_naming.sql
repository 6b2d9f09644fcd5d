DELETE FROM audit_reasons WHERE instr(text, ?1) > 0
