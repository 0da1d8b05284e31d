"""The Kubernetes API as this project uses it: create, adopt, watch, follow logs, delete."""
