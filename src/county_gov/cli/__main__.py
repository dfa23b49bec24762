"""``python -m county_gov.cli``."""

from county_gov.cli import main

main()
