"""`certwright check`: the operator's judgement over files."""
