"""The command ``county-gov``."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from county_gov.cli.app import run

    run()
