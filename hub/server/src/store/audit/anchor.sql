SELECT seq, hash FROM audit_anchor
