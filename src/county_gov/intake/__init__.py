"""Intake: wire formats, validation, quarantine, and the commit that an answer waits for."""
