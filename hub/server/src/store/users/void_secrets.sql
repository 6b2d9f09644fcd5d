UPDATE users SET secret = '!', must_change = role <> 'student', token_version = token_version + 1
