"""What plugins implement and exchange. Plugins import it through `county_gov.api`."""
