"""Certificate signing requests: what a CA is asked for (PKCS#10, RFC 2986)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certwright.pki.pem import encode_pem
from certwright.pki.wish_encoding import encode_subject, list_extensions, load_signer, refuse_faults

if TYPE_CHECKING:
    from certwright.pki.certificate_wish import CertificateWish
    from certwright.pki.private_key import PrivateKey


def build_request(wish: CertificateWish, key: PrivateKey) -> bytes:
    """Write a request as normalised PEM; equal wishes for one key are equal bytes.

    Key usage, extended key usage and alternative names are requested as extensions (RFC 2985 §5.4.2).

    Raises:
        MaterialError: `InvalidRequest`, the first of the faults of the wish, or `KeyInvalid` with detail
            `KeyTypeUnsupported` for a key that is neither ECDSA, RSA, Ed25519 nor Ed448.
    """
    refuse_faults(wish)
    signer = load_signer(key)
    builder = x509.CertificateSigningRequestBuilder().subject_name(encode_subject(wish.subject))
    for extension, critical in list_extensions(wish, key):
        builder = builder.add_extension(extension, critical)
    request = builder.sign(signer.key, signer.digest, ecdsa_deterministic=signer.deterministic)
    return encode_pem("CERTIFICATE REQUEST", request.public_bytes(Encoding.DER))
