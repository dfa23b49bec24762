"""Rules: from verdicts over columns to alert episodes in event time."""
