"""TrustDecision: one CA, judged, trusted or not, and where stores hold it."""

from certwright.reconcile.trustdecision.judgement import Judgement
from certwright.reconcile.trustdecision.reconciler import TrustDecisions

__all__ = ["Judgement", "TrustDecisions"]
