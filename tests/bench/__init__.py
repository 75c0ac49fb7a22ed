"""Measure certwright against what the API server itself can do on the same machine in the same run."""
