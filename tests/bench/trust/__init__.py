"""Measure how a ClusterTrustStore spreads its bundle."""
