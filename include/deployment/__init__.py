"""What a server needs beyond the pipeline: its secrets and its health checks."""
