"""PrivateKey: a key that is made once, or taken from where it is, and that certificates hang under."""

from certwright.reconcile.privatekey.judgement import Judgement
from certwright.reconcile.privatekey.reconciler import PrivateKeys

__all__ = ["Judgement", "PrivateKeys"]
