DELETE FROM deposits
