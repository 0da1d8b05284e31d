"""One Kubernetes job, from what it is to its end and its deletion."""
