"""Measures the cost of each operator's control path with zero-length jobs on simulated nodes."""
