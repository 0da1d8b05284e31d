"""One Kubernetes job, from its specification to its end and deletion."""
