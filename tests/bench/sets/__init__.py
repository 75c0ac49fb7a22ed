"""Measure how a ClusterCertificateSet is replaced in many namespaces, and how it is put back."""
