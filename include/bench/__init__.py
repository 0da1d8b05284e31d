"""Measures what the pipeline itself costs: starts of the cluster, gaps between points, memory."""
