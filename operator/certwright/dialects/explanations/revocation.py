"""What is wrong with a revocation list, or because of one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from certwright.dialects.explanations.explanation import DEFECT, Explanation
from certwright.findings import Reason

REVOCATION: Mapping[Reason, Explanation] = MappingProxyType(
    {
        Reason.REVOKED: Explanation(
            "The issuer has revoked the certificate: its authentic revocation list names it.",
            (
                "The key was lost or published, and somebody told the issuer.",
                "It was replaced, and the old one was revoked as a matter of course.",
                "It is on hold (detail `CertificateHold`), which the issuer can lift.",
            ),
            "Have a new one issued.",
        ),
        Reason.CRL_INVALID: Explanation(
            "The revocation list cannot be read, or breaks the rules of its structure.",
            ("A certificate or an error page of a proxy was handed in instead.", "The download was cut short."),
            "Replace it.",
        ),
        Reason.CRL_ERROR: Explanation(
            "Judging the revocation list failed, or took more work than one object may cost.",
            (DEFECT,),
            "Replace it; otherwise report it as a defect.",
        ),
        Reason.CRL_ISSUER_NOT_FOUND: Explanation(
            "The certificate of the list's issuer is not known, so nobody can tell whether the list is genuine.",
            ("The list is that of another CA.", "The issuer has a new key, and its new certificate is missing."),
            "Add its certificate.",
        ),
        Reason.CRL_ISSUER_NOT_AUTHORIZED: Explanation(
            "The certificate that signed the list does not have the right to sign lists (key usage cRLSign).",
            ("The CA was set up without cRLSign.", "Somebody other than the CA made the list."),
            "Ask the issuer.",
        ),
        Reason.CRL_NOT_VALID: Explanation(
            "The list does not hold for this certificate, or a list is demanded and there is none.",
            (
                "There is a list of the leaf's issuer, and none of the issuer above it.",
                "The list covers another part of the CA's certificates (its scope).",
                "Its signature is wrong, or it begins in the future.",
            ),
            "The message says why, and which issuer's list is needed; add or replace it.",
        ),
        Reason.CRL_EXPIRED: Explanation(
            "The list is out of date: its issuer promised a newer one by now.",
            ("The download of the list has stopped.", "The CA no longer publishes lists."),
            "Fetch the present one.",
        ),
        Reason.HOST_NOT_ALLOWED: Explanation(
            "The host of a revocation list is not among those that the operator may ask.",
            ("An administrator has not listed the host yet.", "A server redirects to another host."),
            "Add the host to the setting `CERTWRIGHT_CRL_HOSTS`, or hand the list in yourself.",
        ),
        Reason.FETCH_FAILED: Explanation(
            "A revocation list could not be fetched; the last good one stays in use.",
            ("The server does not answer, or a network policy is in the way.", "The list is larger than allowed."),
            "The detail names the step that failed; it is tried again by itself.",
        ),
    }
)
"""The reasons that only revocation lists can give."""
