"""The wish of a TrustDecision: one certificate of a CA, and whether it is trusted; sources 2 and 3."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from certwright.api.fields import PEM_LIMIT, DataKey, Fingerprint, ObjectName, Pem
from certwright.api.model import WireModel
from certwright.api.rules import Rule, at_most_one_of, refuses_private_keys, validated_by

CertUse = Literal["rootCA", "intermediateCA"]
TrustStateDesired = Literal["trusted", "untrusted"]

Instant = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
"""An instant as a person writes it, RFC 3339."""

Base64 = Annotated[str, Field(min_length=1, max_length=PEM_LIMIT)]
"""Base64 text, in lines or not. A pattern on the field itself would have the API server repeat a key that stands there;
the rule for it is on the parent.
"""

_KEY_REMEDY = "take it out, a decision needs none, and treat a key that was sent here as disclosed"


class AuthorityReference(WireModel):
    """Where the certificate of a CA is."""

    kind: Literal["Secret", "ConfigMap"] = "ConfigMap"
    """kind is the kind of object that holds the certificate: `Secret` or `ConfigMap`. Default: `ConfigMap`."""

    name: ObjectName
    """name is the name of the Secret or ConfigMap, in the namespace of this object. Example: `corporate-root`."""

    key: DataKey = "ca.crt"
    """key is the key of the data that holds the certificate, in PEM or DER. At most 1 MiB. Default: `ca.crt`."""


class TrustDecisionSpec(WireModel):
    """It says which CA it is about, and whether it is trusted."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="has(self.certificate) || has(self.cert) || has(self.certificateRef)",
                message="must be set, or else `cert` or `certificateRef`: a decision is about exactly one certificate",
                field_path=".certificate",
                reason="FieldValueRequired",
            ),
            at_most_one_of("certificate", "cert"),
            at_most_one_of("certificate", "certificateRef"),
            at_most_one_of("cert", "certificateRef"),
            Rule(
                rule="!has(self.certificateRef) || has(self.fingerprint)",
                message="must be set together with `certificateRef`, so that whoever can edit what that names does not "
                "decide whom the cluster trusts: give the SHA-256 digest of the certificate, "
                "`openssl x509 -in ca.crt -outform DER | sha256sum`",
                field_path=".fingerprint",
                reason="FieldValueRequired",
            ),
            Rule(
                rule="!has(self.cert) || self.cert.matches('^[A-Za-z0-9+/=\\\\s]+$')",
                message="must be base64 of the PEM text; the PEM text itself belongs into `certificate`",
                field_path=".cert",
            ),
            refuses_private_keys("certificate", remedy=_KEY_REMEDY),
            refuses_private_keys("cert", remedy=_KEY_REMEDY, in_lines=True),
        )
    )

    certificate: Pem | None = None
    """certificate is the certificate of the CA as PEM text, exactly one, at most 128 KiB.

    Set exactly one of `certificate`, `cert` and `certificateRef`.
    """

    cert: Base64 | None = None
    """cert is the same as base64 of the PEM text, which is how source 2 spells it.

    Set exactly one of `certificate`, `cert` and `certificateRef`.
    """

    certificate_ref: AuthorityReference | None = None
    """certificateRef names the ConfigMap or Secret that holds the certificate; `fingerprint` must say which it is.

    When that object is lost or holds something else, what stores have deployed stays deployed. Set exactly one of
    `certificate`, `cert` and `certificateRef`. Example: `{name: corporate-root}`.
    """

    fingerprint: Fingerprint | None = None
    """fingerprint is the SHA-256 digest of the certificate's DER encoding, `sha256:` and 64 lower-case hexadecimal
    digits; another certificate is refused (`FingerprintMismatch`). Required with `certificateRef`, allowed without.
    """

    cert_use: CertUse = "rootCA"
    """certUse is what the certificate is: `rootCA`, a self-signed one that becomes a trust anchor, or
    `intermediateCA`, one whose path must end in a trusted `rootCA` decision of this namespace. Default: `rootCA`.
    """

    trust_state_desired: TrustStateDesired = "trusted"
    """trustStateDesired is the decision: `trusted` or `untrusted`. Default: `trusted`.

    A withdrawal (`untrusted`) takes the CA out of every store and every verdict at once, without approval. Leave the
    field out of manifests in Git as long as the CA is trusted: then a withdrawal in an emergency survives the next
    synchronisation.
    """

    trust_until: Instant | None = None
    """trustUntil is the instant after which the CA counts as untrusted, for example the end of the time in which an
    old and a new root are both trusted. Default: none, trusted until it expires. Example: `2027-03-31T22:00:00Z`.
    """
