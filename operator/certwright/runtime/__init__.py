"""The operator as a process: kopf as the source of events, a queue, workers, servers."""
