"""Where a file came from, and with which reason its defects are named.

A certificate that cannot be parsed is `Unparsable`, a key `KeyInvalid`, a revocation list `CRLInvalid`: the same code
reads the surroundings of all three, so the words for a refusal travel with the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from certwright.findings import Detail, Finding, MaterialError, Reason, finding, warning


@dataclass(frozen=True, slots=True)
class Origin:
    """The field a file was given in, as messages name it, and the reason that refusals carry.

    Attributes:
        what: for example "`spec.certificateRef`: Secret `upload`, key `tls.crt`".
        reason: `UNPARSABLE`, `KEY_INVALID` or `CRL_INVALID`.
        wanted: the noun for what the field should hold.
        absent: the detail when nothing of that kind is there.
    """

    what: str
    reason: Reason = Reason.UNPARSABLE
    wanted: str = "certificate"
    absent: Detail = Detail.NO_CERTIFICATE

    def refusal(self, detail: Detail, sentence: str) -> MaterialError:
        """Make the error that refuses the file; `sentence` says what was found and what to do."""
        return MaterialError(finding(self.reason, f"{self.what}: {sentence}", detail=detail))

    def remark(self, reason: Reason, sentence: str, *, fingerprint: str | None = None) -> Finding:
        """Make the warning that accompanies a file which is used all the same."""
        return warning(reason, f"{self.what}: {sentence}", fingerprint=fingerprint)
