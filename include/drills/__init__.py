"""Drills: deliberate faults during a study, and what survives them."""
