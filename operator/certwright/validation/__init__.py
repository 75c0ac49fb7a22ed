"""Path building and validation, revocation, usage and names: certificates in, a verdict out; pure (RFC 5280 §6)."""

from certwright.validation.advice import SAFE_RSA_BITS
from certwright.validation.chain_order import Arrangement, arrange
from certwright.validation.crl_object import validate_crl
from certwright.validation.options import DEFAULT_OPTIONS, KnownRevocation, Limits, Options, Revocation, Role
from certwright.validation.target import validate
from certwright.validation.verdict import Verdict

__all__ = [
    "DEFAULT_OPTIONS",
    "SAFE_RSA_BITS",
    "Arrangement",
    "KnownRevocation",
    "Limits",
    "Options",
    "Revocation",
    "Role",
    "Verdict",
    "arrange",
    "validate",
    "validate_crl",
]
