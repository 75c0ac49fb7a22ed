"""What is said of a key that was handed in, where what is said of other keys would mislead.

A PrivateKey takes no password and no other key of a Secret, and nobody issued it: advice to name the one or to ask the
other would send people looking for fields and persons that are not there.
"""

from __future__ import annotations

from collections.abc import Iterator

from certwright.findings import Detail, Finding, Reason, finding, warning
from certwright.pki.public_key import PublicKey
from certwright.reconcile.objects import ObjectKey, Observed
from certwright.reconcile.places import describe_keys
from certwright.reconcile.private_keys import KEY_DATA_KEY
from certwright.validation import SAFE_RSA_BITS

_SENTENCES = {
    Detail.ENCRYPTED: (
        "the private key is encrypted, and a PrivateKey takes no password. Store it decrypted, as "
        "`openssl pkey -in FILE -out tls.key` writes it."
    ),
    Detail.SEVERAL_KEYS: (
        "several different private keys stand in it. Leave the one that certificates are to hang under."
    ),
}


def speak_of_key(found: Finding, secret: ObjectKey, field: str, observed: Observed | None) -> Finding:
    """Say what keeps a key from being read in words that fit a PrivateKey."""
    if found.detail is Detail.SECRET_KEY_MISSING and observed is not None:
        sentence: str | None = f"the Secret has no such key; {describe_keys(observed)}. Store the private key there."
    else:
        sentence = _SENTENCES.get(found.detail) if found.detail is not None else None
    if sentence is None:
        return found
    where = f"`{field}`: Secret `{secret.name}`, key `{KEY_DATA_KEY}`"
    return finding(found.reason, f"{where}: {sentence}", detail=found.detail)


def find_weakness(public: PublicKey, secret: ObjectKey, field: str) -> Iterator[Finding]:
    """Warn of a key that is too short; it is used all the same, for it is there."""
    if public.algorithm.startswith("RSA") and public.size < SAFE_RSA_BITS:
        yield warning(
            Reason.WEAK_KEY,
            f"`{field}`: Secret `{secret.name}` holds a key of only {public.size} bits, which many CAs and clients "
            f"refuse. Make another PrivateKey, of at least {SAFE_RSA_BITS}.",
        )
