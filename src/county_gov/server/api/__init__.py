"""The HTTP interface for programs, under ``/api``."""
