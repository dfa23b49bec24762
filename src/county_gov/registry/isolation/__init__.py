"""Plugins in processes of their own: killable, confined, and without the county's secrets.

The county never imports such a plugin. Its process (`entry`, `confinement`, `worker`) closes what
the kernel lets it close, imports the plugin, and tells what it declares; `process` starts, asks and
ends it; `proxy` stands in for its functions; `service` answers what its contexts ask for. What
crosses the pipe (`wire`) is plain data and raw columns, never code.
"""
