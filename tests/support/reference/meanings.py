"""What each reason means, and what to do about it: one sentence each, for people."""

from certwright.findings import Reason

LISTS = frozenset(
    {
        Reason.REVOKED,
        Reason.CRL_INVALID,
        Reason.CRL_ERROR,
        Reason.CRL_ISSUER_NOT_FOUND,
        Reason.CRL_ISSUER_NOT_AUTHORIZED,
        Reason.CRL_NOT_VALID,
        Reason.CRL_EXPIRED,
        Reason.HOST_NOT_ALLOWED,
        Reason.FETCH_FAILED,
    }
)
"""Reasons that only revocation lists can give."""

MEANINGS: dict[Reason, tuple[str, str]] = {
    Reason.VALID: ("Every check passed.", "Nothing."),
    Reason.NOT_CHECKED: (
        "There is no verdict yet: an input cannot be read, a write is tried again, or the clock is doubted.",
        "Wait; if it stays, the message names the request that fails.",
    ),
    Reason.UNPARSABLE: (
        "There is no certificate in the bytes: damaged, cut off, of another type (a CSR, a key), or over a limit.",
        "Hand in the certificate as PEM, DER or PKCS#7, or as PKCS#12 with `passwordRef`.",
    ),
    Reason.UNDECODABLE: (
        "It is a certificate, and a part of it breaks the rules of its encoding.",
        "Have it issued anew; the message names the part.",
    ),
    Reason.EXPIRED: ("The certificate has ended.", "Hand in its successor."),
    Reason.NOT_YET_VALID: (
        "The certificate begins in the future.",
        "Wait: it is judged again at that instant. Check the clock of the issuer if the date surprises you.",
    ),
    Reason.VALIDATION_ERROR: (
        "Validation itself failed, or took more work than one object may cost.",
        "Simplify the chain; otherwise report it as a defect.",
    ),
    Reason.ISSUER_NOT_FOUND: (
        "A certificate on the path is missing: servers would send an incomplete chain.",
        "Add the issuer that the message names to `chain`, `chainRef` or the upload.",
    ),
    Reason.USAGE_MISMATCH: (
        "The certificate may not be used for what `usages` asks.",
        "Have it issued for that use, or correct `usages`.",
    ),
    Reason.NAME_MISSING: (
        "A name in `dnsNames` or `ipAddresses` is not in the certificate.",
        "Have it issued for that name, or correct the wish.",
    ),
    Reason.CHAIN_INVALID: (
        "The issuers are there and the path does not hold: a signature, a date, a CA flag, a constraint.",
        "Replace the certificate that the message names.",
    ),
    Reason.INVALID_SELF_SIGNED: (
        "A self-signed certificate whose own signature is wrong.",
        "Have it made anew; it was changed after it was signed.",
    ),
    Reason.FINGERPRINT_MISMATCH: (
        "The content is not the one that the fingerprint names.",
        "Correct the content or the fingerprint.",
    ),
    Reason.KEY_INVALID: (
        "The private key cannot be read, is encrypted without a password, or contradicts itself.",
        "Hand in the key as PKCS#8, PKCS#1 or SEC 1, with `passwordRef` when it is encrypted.",
    ),
    Reason.KEY_LOST: ("Key material that existed is gone.", "Restore the Secret from a backup."),
    Reason.KEY_MISMATCH: (
        "The key is that of another certificate. For a minute after a change the other half is waited for.",
        "Hand in the key that the certificate was requested with.",
    ),
    Reason.REFERENCE_NOT_FOUND: (
        "A Secret, ConfigMap or key of its data does not exist.",
        "Create it; it is judged within a second. Or correct the name.",
    ),
    Reason.INVALID_REQUEST: ("The wish contradicts itself or names what may not be used.", "Correct `spec`."),
    Reason.SOURCE_REMOVED: (
        "The source was taken out of `spec`; what was served stays served.",
        "Name a source again, or delete the object.",
    ),
    Reason.STORE_FAILED: (
        "The Secret could not be written.",
        "The message says what the API server answered: rights, quota, size.",
    ),
    Reason.TARGET_NOT_OWNED: (
        "The target exists and belongs to somebody else.",
        "Choose another `secretName`, or consent with the command at the end of the message.",
    ),
    Reason.TARGET_IMMUTABLE: (
        "The target exists with another type, or is immutable.",
        "Delete it yourself; it is then created anew.",
    ),
    Reason.TARGET_MISSING: ("The target is being deleted.", "Wait; remove its finalizers if it stays."),
    Reason.NOT_REFRESHED: (
        "Stored, and a workload under `refresh` does not run it yet.",
        "Wait for the roll-out; the message says what blocks it.",
    ),
    Reason.LAST_GOOD_LOST: (
        "A target lost what was served, and the present material cannot replace it.",
        "Hand in a valid certificate with its key.",
    ),
    Reason.INTERNAL_ERROR: ("A defect of certwright.", "Report it with the operator's log."),
    Reason.REVOKED: ("The issuer has revoked the certificate.", "Have a new one issued."),
    Reason.CRL_INVALID: ("The revocation list cannot be read.", "Replace it."),
    Reason.CRL_ERROR: ("Judging the revocation list failed.", "Replace it; otherwise report it as a defect."),
    Reason.CRL_ISSUER_NOT_FOUND: ("The issuer of the list is not known.", "Add its certificate."),
    Reason.CRL_ISSUER_NOT_AUTHORIZED: ("The issuer of the list may not sign lists.", "Ask the issuer."),
    Reason.CRL_NOT_VALID: ("The list does not hold for this certificate.", "The message says why; replace it."),
    Reason.CRL_EXPIRED: ("The list is out of date.", "Fetch the present one."),
    Reason.HOST_NOT_ALLOWED: (
        "The settings do not allow to fetch from that host.",
        "Ask the administrator to add it to `CERTWRIGHT_CRL_HOSTS`.",
    ),
    Reason.FETCH_FAILED: ("The list could not be fetched.", "The message says how it failed; it is tried again."),
    Reason.ALGORITHM_WEAK: ("A signature on the path uses a weak algorithm (SHA-1).", "Have it issued anew."),
    Reason.DUPLICATE_CERTIFICATE: ("A certificate stood in the upload twice; one is kept.", "Nothing."),
    Reason.EXPIRED_ALTERNATIVE: (
        "An expired certificate stands beside a good path; it is left out.",
        "Remove it from the upload.",
    ),
    Reason.EXPIRING_SOON: ("Less than `warnBeforePercentage` of the lifetime is left.", "Hand in its successor."),
    Reason.ISSUER_MISSING: (
        "A leaf came alone, and nothing says that it has an intermediate.",
        "Add its chain, unless its issuer is a root that clients trust.",
    ),
    Reason.KEY_IN_CERTIFICATE: (
        "A private key stands in the certificate's field; it is never copied to the public part.",
        "Remove it there, and ask who has read it.",
    ),
    Reason.NO_SUBJECT_ALT_NAME: (
        "A server certificate without alternative names: browsers refuse it.",
        "Have it issued with its host names as subject alternative names.",
    ),
    Reason.NORMALIZED: ("The form was untidy and certain; the tidy form is stored.", "Nothing."),
    Reason.REORDERED: ("The chain stood in another order; the right one is stored.", "Nothing."),
    Reason.ROOT_REMOVED: ("The root was in the chain; servers need not send it, and it is left out.", "Nothing."),
    Reason.SERIAL_UNUSUAL: ("The serial number is zero, negative or too long.", "Tell the issuer."),
    Reason.SUBJECT_DIFFERS: ("The subject is not the one that `subject` describes.", "Correct one of them."),
    Reason.UNUSED_CERTIFICATE: (
        "A certificate in the upload is on no path; it is left out.",
        "Remove it from the upload.",
    ),
    Reason.UNUSUAL_KEY_TYPE: ("Some servers and clients cannot use keys of this type.", "Try yours."),
    Reason.WEAK_KEY: ("The key is shorter than 2048 bits (RSA).", "Have the certificate issued for a new key."),
}
"""Every reason, in the order in which people meet them."""
