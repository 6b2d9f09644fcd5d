SELECT name, value, hash FROM facts
