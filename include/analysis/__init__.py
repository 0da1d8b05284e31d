"""Statistics over records."""
