"""What refuses or holds up a certificate, its key or its storing, and the reason that nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from certwright.dialects.explanations.explanation import DEFECT, Explanation
from certwright.findings import Reason

REFUSALS: Mapping[Reason, Explanation] = MappingProxyType(
    {
        Reason.VALID: Explanation("Every check passed.", (), "Nothing."),
        Reason.NOT_CHECKED: Explanation(
            "There is no verdict yet: an input cannot be read, a write is tried again, or the clock is doubted.",
            (
                "The API server cannot be reached, or refuses to show an object.",
                "`certwright check` reads files, and the Secret with the key is rightly not among them.",
            ),
            "Wait; if it stays, the message names the request that fails.",
        ),
        Reason.UNPARSABLE: Explanation(
            "There is no certificate in the bytes: damaged, cut off, of another type (a CSR, a key), or over a limit.",
            (
                "The text was copied out of a mail or a terminal, and lines are missing.",
                "Certificate and key have changed places, or the request was handed in instead of the answer.",
                "A PKCS#12 file without `passwordRef`, a Java keystore, or a text file saved as UTF-16.",
            ),
            "Hand in the certificate as PEM, DER or PKCS#7, or as PKCS#12 with `passwordRef`.",
        ),
        Reason.UNDECODABLE: Explanation(
            "It is a certificate, and a part of it breaks the rules of its encoding.",
            (
                "It was made by home-grown software that writes names, dates or extensions wrongly.",
                "An extension stands there twice, or the key is of a type that nobody here can use.",
            ),
            "Have it issued anew; the message names the part.",
        ),
        Reason.EXPIRED: Explanation(
            "The certificate has ended.",
            (
                "It was not renewed in time.",
                "It was renewed, and the old file was handed in again.",
            ),
            "Hand in its successor.",
        ),
        Reason.NOT_YET_VALID: Explanation(
            "The certificate begins in the future.",
            (
                "It was issued ahead of time, for a change that is planned.",
                "The clock of the issuer is fast, or reads local time as UTC.",
            ),
            "Wait: it is judged again at that instant. Check the clock of the issuer if the date surprises you.",
        ),
        Reason.VALIDATION_ERROR: Explanation(
            "Validation itself failed, or took more work than one object may cost.",
            ("Dozens of certificates with the same names, or thousands of names and constraints.", DEFECT),
            "Simplify the chain; otherwise report it as a defect.",
        ),
        Reason.ISSUER_NOT_FOUND: Explanation(
            "A certificate on the path is missing: servers would send an incomplete chain.",
            (
                "Only the leaf and the root were handed in, and the intermediate between them is missing.",
                "The CA has changed its intermediate, and the old one is still kept beside the new leaf.",
                "The path leads to an issuer that the trust store does not hold.",
            ),
            "Add the issuer that the message names to `chain`, `chainRef` or the upload.",
        ),
        Reason.USAGE_MISMATCH: Explanation(
            "The certificate may not be used for what `usages` or `certUse` asks.",
            (
                "A client certificate was handed in for a server, or the other way round.",
                "The CA used a template for another purpose, or it is a CA certificate.",
                "A decision was made about a certificate that is no CA, or about an intermediate as `rootCA`.",
            ),
            "Have it issued for that use, or correct `usages` or `certUse`.",
        ),
        Reason.NAME_MISSING: Explanation(
            "A name in `dnsNames` or `ipAddresses` is not in the certificate.",
            (
                "The name was forgotten in the request, or stands in the common name only, which no longer counts.",
                "A wildcard covers one label: `*.example.com` is not good for `a.b.example.com`.",
                "It is the certificate of another service.",
            ),
            "Have it issued for that name, or correct the wish.",
        ),
        Reason.CHAIN_INVALID: Explanation(
            "The issuers are there and the path does not hold: a signature, a date, a CA flag, a constraint.",
            (
                "An issuer has expired or was revoked.",
                "The intermediate has the right name and another key.",
                "A certificate that is no CA signed another, or name constraints of the CA forbid the name.",
                "The root at the end is not in the trust store.",
            ),
            "Replace the certificate that the message names.",
        ),
        Reason.INVALID_SELF_SIGNED: Explanation(
            "A self-signed certificate whose own signature is wrong, or that nothing makes trusted.",
            (
                "The file was changed after it was signed, on purpose or by a damaged disk.",
                "A trust store is asked for, and this certificate is not in it.",
            ),
            "Have it made anew, or add it to the trust store if it is meant to be trusted.",
        ),
        Reason.FINGERPRINT_MISMATCH: Explanation(
            "The content is not the one that the fingerprint names.",
            ("The material was replaced and the fingerprint was not, or somebody tampered with it.",),
            "Correct the content or the fingerprint.",
        ),
        Reason.TRUST_ENDED: Explanation(
            "The instant in `trustUntil` has passed: the CA counts as untrusted, and has left every store.",
            ("The time in which an old and a new root were both trusted is over, as planned.",),
            "Nothing, if that was meant; delete the decision when you like. Otherwise move `trustUntil`, or remove it.",
        ),
        Reason.APPROVAL_PENDING: Explanation(
            "A change of a store in mode `Manual` waits for approval; what is deployed stays as it is.",
            (
                "A decision was added, changed or deleted, or the selector of the store was.",
                "The change was altered after somebody had approved it: an approval is good for one change only.",
            ),
            "Look at `status.pending`; approve with `kubectl certwright approve`, or by its id in "
            "`spec.deployment.approved`.",
        ),
        Reason.EMPTY_BUNDLE: Explanation(
            "The change would leave the store without any CA; what is deployed stays as it is.",
            (
                "The selector of the store selects nothing any more, or labels were removed from decisions.",
                "The last decision was deleted.",
            ),
            "Correct selector or decisions; set `allowEmpty` if an empty bundle is meant.",
        ),
        Reason.BUNDLE_NOT_SERVED: Explanation(
            "This cluster serves no ClusterTrustBundles.",
            ("The feature is off, or the version of Kubernetes does not have it.",),
            "Have the API `certificates.k8s.io` with ClusterTrustBundles switched on, or remove `clusterTrustBundle`.",
        ),
        Reason.KEY_INVALID: Explanation(
            "The private key cannot be read, is encrypted without a password, or contradicts itself.",
            (
                "The key is encrypted and `passwordRef` is missing, or the password is another.",
                "Certificate and key have changed places.",
                "It is an OpenSSH or DSA key, or one of fewer than 1024 bits.",
            ),
            "Hand in the key as PKCS#8, PKCS#1 or SEC 1, with `passwordRef` when it is encrypted.",
        ),
        Reason.KEY_LOST: Explanation(
            "Key material that existed is gone.",
            (
                "The Secret of a PrivateKey was deleted, or holds another: certificates for the old one are no use.",
                "A PrivateKey was restored from a backup, and its Secret was not.",
            ),
            "Restore the Secret from a backup. If there is none, make another PrivateKey and have new ones issued.",
        ),
        Reason.KEY_MISMATCH: Explanation(
            "The key is that of another certificate. For a minute after a change the other half is waited for.",
            (
                "Only the certificate was renewed, with a new key that was not handed in, or only the key.",
                "The files of two services were mixed up.",
            ),
            "Hand in the key that the certificate was requested with.",
        ),
        Reason.REFERENCE_NOT_FOUND: Explanation(
            "A Secret, ConfigMap or key of its data does not exist.",
            ("It is created later, by another tool.", "A typing error, or another namespace."),
            "Create it; it is judged within a second. Or correct the name.",
        ),
        Reason.INVALID_REQUEST: Explanation(
            "The wish contradicts itself or names what may not be used.",
            (
                "Two sources are named, or none.",
                "A self-signed certificate is asked for without a PrivateKey, or names nobody.",
                "A target is also an input, or a Secret has a type that is not read.",
                "A password is empty, or a field has a value that is not among those documented.",
            ),
            "Correct `spec`.",
        ),
        Reason.SOURCE_REMOVED: Explanation(
            "The source was taken out of `spec`; what was served stays served.",
            ("A field was removed in Git, with or without intention.",),
            "Name a source again, or delete the object. For a self-signed one in its place set `selfSigned`.",
        ),
        Reason.STORE_FAILED: Explanation(
            "The Secret could not be written.",
            ("A quota, an admission policy or missing rights are in the way.", "The API server did not answer."),
            "The message says what the API server answered: rights, quota, size.",
        ),
        Reason.TARGET_NOT_OWNED: Explanation(
            "The target exists and belongs to somebody else.",
            ("It was made by hand or by another tool before.", "Two objects name the same target."),
            "Choose another `secretName`, or consent with the command at the end of the message.",
        ),
        Reason.TARGET_IMMUTABLE: Explanation(
            "The target exists with another type, or is immutable.",
            ("A Secret's type cannot be changed after its creation, nor can `immutable: true` be taken back.",),
            "Delete it yourself; it is then created anew.",
        ),
        Reason.TARGET_MISSING: Explanation(
            "The target is being deleted.",
            ("Finalizers of another tool hold it.",),
            "Wait; remove its finalizers if it stays.",
        ),
        Reason.NOT_REFRESHED: Explanation(
            "Stored, and a workload under `refresh` does not run it yet.",
            (
                "The roll-out is under way.",
                "The roll-out is paused or stuck, or its strategy is `OnDelete`.",
                "The component `refresh` is not installed.",
            ),
            "Wait for the roll-out; the message says what blocks it.",
        ),
        Reason.UNKNOWN_NAME: Explanation(
            "A certificate of a set bears a name that the set has no slot for.",
            ("The name is misspelt, or its slot was removed from `spec.slots`.",),
            "Correct the name, or add the slot.",
        ),
        Reason.REQUIRED_CERTIFICATE: Explanation(
            "A certificate that a set requires is missing, is no longer listed, or is to be removed.",
            (
                "Its slot is new and was never filled.",
                "An optional certificate was meant; only those can be listed in `spec.absent`.",
            ),
            "Hand the certificate in, or declare its slot `required: false`.",
        ),
        Reason.JOURNAL_LOST: Explanation(
            "What a set needs to go on, or to put things back, is gone from the operator's namespace.",
            ("The journal or a payload of the set was deleted by hand, or the namespace was restored without it.",),
            "Give the set a spec that is valid as a whole, with every filled slot: it is then written anew everywhere.",
        ),
        Reason.LAST_GOOD_LOST: Explanation(
            "A target lost what was served, or a store the record of what it has deployed, and nothing can replace it.",
            (
                "Somebody overwrote the target while the spec held bad material.",
                "Somebody deleted or changed ConfigMaps `store-…` in the operator's namespace.",
            ),
            "Hand in a valid certificate with its key. Of a store: put the ConfigMaps back as they were, from backup; "
            "or have the same CAs staged again, by the decisions as they were; or make the store anew.",
        ),
        Reason.INTERNAL_ERROR: Explanation("A defect of certwright.", (), "Report it with the operator's log."),
    }
)
"""The reasons about certificates, keys, wishes and targets."""
