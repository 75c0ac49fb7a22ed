"""certwright: a Kubernetes operator for certificates that somebody else issued."""

__version__ = "0.1.0"
