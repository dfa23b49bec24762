"""Plugins in processes of their own: killable, confined, and without the county's secrets.

The county never imports such a plugin. Its process (`entry`, `confinement` with `seccomp`,
`threads`, `worker`) closes what the kernel lets it close, imports the plugin, and tells what it
declares. `process` starts it, asks it and ends it: `sender` writes to it, `hearing` reads what it
says; `proxy` stands in for its functions; `service` answers what its contexts ask for. What crosses
the pipe (`wire`) is plain data and raw columns, never code, and of a cost that is known (`tree`).
"""
