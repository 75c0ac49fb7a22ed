"""RevocationSource: a revocation list of a person or a server, which verdicts use once its signature is verified."""

from certwright.reconcile.revocationsource.judgement import Judgement
from certwright.reconcile.revocationsource.reconciler import RevocationSources

__all__ = ["Judgement", "RevocationSources"]
