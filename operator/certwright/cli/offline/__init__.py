"""Judging what stands in files: reading paths and manifests, and walking the operator's way without a cluster."""
