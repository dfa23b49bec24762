"""Who may do what: accounts, sessions, roles, device keys, rate limits, audit."""
