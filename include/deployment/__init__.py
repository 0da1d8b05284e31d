"""Secrets and health checks of a server that runs the pipeline."""
