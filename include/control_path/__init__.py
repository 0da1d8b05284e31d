"""Measures what each operator's control path costs: jobs of no length on simulated nodes."""
