SELECT entry FROM security_ledger ORDER BY at, id
