"""One module a kind, all pure: from a snapshot to a judgement, from a judgement to a plan."""
