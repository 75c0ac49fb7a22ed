"""What deserves a look in material that is used all the same."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from certwright.dialects.explanations.explanation import Explanation
from certwright.findings import Reason

REMARKS: Mapping[Reason, Explanation] = MappingProxyType(
    {
        Reason.ALGORITHM_WEAK: Explanation(
            "A signature on the path uses a weak algorithm (SHA-1).",
            ("The CA, or the certificate, is many years old.",),
            "Have it issued anew.",
        ),
        Reason.ANCHORS_DISTRUSTED: Explanation(
            "The last CAs of a bundle were withdrawn. The bundle keeps them, for an empty one breaks every program "
            "that reads it; verdicts do not rest on them any more.",
            ("The only CA of the store was distrusted, has expired, or was revoked.",),
            "Add the CA that takes their place, or set `allowEmpty`.",
        ),
        Reason.CERTIFICATE_LEFT_OUT: Explanation(
            "A CA is left out of the bundle; the others are deployed.",
            ("It has expired, or something is wrong with its decision.",),
            "Look at the decision that the message names.",
        ),
        Reason.DUPLICATE_CERTIFICATE: Explanation(
            "A certificate stood in the upload twice; one is kept.",
            ("Files were joined with `cat`, and the chain stood in both.",),
            "Nothing.",
        ),
        Reason.EXPIRED_ALTERNATIVE: Explanation(
            "An expired certificate stands beside a good path; it is left out.",
            ("A cross-signed intermediate of an old root is still in the bundle.",),
            "Remove it from the upload: older clients stumble over it.",
        ),
        Reason.EXPIRING_SOON: Explanation(
            "Less than `warnBeforePercentage` of the lifetime is left; 20 % of what is in a set, and of a list.",
            ("Its renewal is due, or did not happen.",),
            "Hand in its successor.",
        ),
        Reason.ISSUER_MISSING: Explanation(
            "A leaf came alone, and nothing says that it has an intermediate.",
            ("The CA sends leaf and chain in separate files, and only the first was handed in.",),
            "Add its chain, unless its issuer is a root that clients trust.",
        ),
        Reason.KEY_IN_CERTIFICATE: Explanation(
            "A private key stands in the certificate's field; it is never copied to the public part.",
            ("A file that holds both was handed in; servers such as HAProxy use such files.",),
            "Remove it there, and ask who has read it. Inline in a spec the API server refuses it.",
        ),
        Reason.NO_SUBJECT_ALT_NAME: Explanation(
            "A server certificate without alternative names: browsers refuse it.",
            ("The request held a common name and nothing else.",),
            "Have it issued with its host names as subject alternative names.",
        ),
        Reason.NOT_PERSISTED: Explanation(
            "A revocation list is in use and cannot be kept over a restart of the operator.",
            ("It is larger than `CERTWRIGHT_CRL_RECORD_BYTES`.", "The operator may not write to its own namespace."),
            "Allow more, or mend the operator's rights; until then each restart fetches the list again.",
        ),
        Reason.NORMALIZED: Explanation(
            "The form was untidy and certain; the tidy form is stored.",
            ("Windows line ends, lines of an export tool, DER or PKCS#7 instead of PEM, base64 twice.",),
            "Nothing.",
        ),
        Reason.REORDERED: Explanation(
            "The chain stood in another order; the right one is stored.",
            ("The root or the intermediate stood first.",),
            "Nothing.",
        ),
        Reason.ROOT_REMOVED: Explanation(
            "The root was in the chain; servers need not send it, and it is left out.",
            ("The CA delivers its whole chain in one file.",),
            "Nothing.",
        ),
        Reason.SERIAL_UNUSUAL: Explanation(
            "The serial number is zero, negative or too long.",
            ("The certificate was made by hand or by home-grown software.",),
            "Tell the issuer: some consumers refuse such certificates.",
        ),
        Reason.SUBJECT_DIFFERS: Explanation(
            "The subject is not the one that `subject` describes.",
            ("The CA replaced attributes of the request by its own.",),
            "Correct one of them.",
        ),
        Reason.UNUSED_CERTIFICATE: Explanation(
            "A certificate in the upload is on no path; it is left out.",
            ("The intermediates of an earlier CA were kept.",),
            "Remove it from the upload.",
        ),
        Reason.UNUSUAL_KEY_TYPE: Explanation(
            "Some servers and clients cannot use keys of this type.",
            ("The key is Ed25519, Ed448, RSA-PSS or ML-DSA.",),
            "Try yours.",
        ),
        Reason.WEAK_KEY: Explanation(
            "The key is shorter than 2048 bits (RSA).",
            ("The key was made long ago and renewed with every certificate.",),
            "Have the certificate issued for a new key.",
        ),
    }
)
"""The reasons of warnings; `KeyInCertificate` refuses where the key stands in a spec."""
