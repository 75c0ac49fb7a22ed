"""X.509 facts and forms; the only importer of `cryptography`; no clock, no input or output."""
