"""Tables as files: CSV and Excel, their charsets, their limits and their formulas."""
