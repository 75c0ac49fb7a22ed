"""`make demo`: the operator on a real API server, with good and bad certificates, in about a minute."""
