"""`certwright diff`: what a change of certificates means."""
