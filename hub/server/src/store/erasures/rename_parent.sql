UPDATE users SET name = iif(language = 'ko', '학부모', 'Parent') WHERE id = ?1
