"""Measures the cost of the pipeline itself: cluster starts, gaps between points, memory."""
