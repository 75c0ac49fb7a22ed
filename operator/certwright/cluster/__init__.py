"""The only floor that talks to the Kubernetes API server."""
