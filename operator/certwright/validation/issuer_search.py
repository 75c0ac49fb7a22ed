"""What to say when an issuer is missing or did not sign: who is named, what was given, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding, printable, warning
from certwright.pki.certificate import key_id_text
from certwright.validation.path_building import Ending, claims_self_signed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from certwright.pki.certificate import Certificate
    from certwright.validation.path_building import Trail

_SHOWN = 3
_LABEL_LENGTH = 40


def describe_dead_end(
    trail: Trail, *, given: Collection[Certificate], anchors: Collection[Certificate] | None
) -> Finding:
    """Say why a path ends before an anchor, about the certificate at its end."""
    top, is_target = trail.path[-1], len(trail.path) == 1
    match trail.ending:
        case Ending.ISSUER_UNKNOWN:
            return describe_missing_issuer(top, is_target=is_target, given=given, anchors=anchors)
        case Ending.UNTRUSTED_ROOT:
            reason = Reason.INVALID_SELF_SIGNED if is_target else Reason.CHAIN_INVALID
            message = (
                f"{_subject_of(top, is_target=is_target)} is self-signed, and is not among the {len(anchors or ())} "
                "certificates that are trusted. Trust it there, or give a certificate that a trusted CA signed."
            )
            return finding(reason, message, detail=Detail.UNTRUSTED_ROOT, fingerprint=top.fingerprint)
        case Ending.TOO_LONG:
            message = f"the path is invalid: it has more than the {len(trail.path) - 2} intermediates that are allowed."
            return finding(Reason.CHAIN_INVALID, message, detail=Detail.LIMIT_EXCEEDED, fingerprint=top.fingerprint)
        case _:
            if is_target and claims_self_signed(top):
                message = "the certificate calls itself self-signed, and its signature is not by its own key."
                reason = Reason.INVALID_SELF_SIGNED
            else:
                reason = Reason.CHAIN_INVALID
                message = (
                    f"the path is invalid: the signature of {_subject_of(top, is_target=is_target)} is not by the key "
                    f'of "{_short(top.issuer.label)}" that was given. It is damaged, or signed by another key.'
                )
            return finding(reason, message, detail=Detail.SIGNATURE, fingerprint=top.fingerprint)


def describe_missing_issuer(
    certificate: Certificate,
    *,
    is_target: bool,
    given: Collection[Certificate],
    anchors: Collection[Certificate] | None,
) -> Finding:
    """Name the issuer that is missing, what was given instead, and the fix."""
    message = f"{_subject_of(certificate, is_target=is_target)} names issuer {_issuer_of(certificate)}, "
    message += _describe_given(certificate, given)
    if anchors is not None:
        message += f", nor among the {len(anchors)} that are trusted"
    return finding(Reason.ISSUER_NOT_FOUND, f"{message}. Add it to `spec.chain`.", fingerprint=certificate.fingerprint)


def _describe_given(certificate: Certificate, given: Collection[Certificate]) -> str:
    # A CA that was renewed keeps its name and has a new key: only the key ids tell the two apart.
    namesake = next((each for each in given if each.subject == certificate.issuer), None)
    if namesake is not None:
        key_id = key_id_text(namesake.subject_key_id)[: _LABEL_LENGTH * 2]
        return "which is not given: the one of that name has another key" + (f" (key id {key_id})" if key_id else "")
    match len(given):
        case 0:
            return "which is not given"
        case 1:
            return f"which is not the certificate given{_list_labels(given)}"
        case count:
            return f"which is not among the {count} certificates given{_list_labels(given)}"


def describe_lost_intermediate(target: Certificate) -> Finding:
    """Say that what is served has an intermediate and what was given has none."""
    message = (
        f"{_subject_of(target, is_target=True)} names issuer {_issuer_of(target)}, which is not given, while what is "
        "served has an intermediate. Add it to `spec.chain`."
    )
    return finding(Reason.ISSUER_NOT_FOUND, message, fingerprint=target.fingerprint)


def advise_on_missing_issuer(target: Certificate) -> Finding:
    """Warn of a lone certificate whose issuer nobody gave."""
    message = (
        f"the issuer {_issuer_of(target)} is not given: clients that do not know it already will refuse the "
        "certificate. If it is an intermediate, add it to `spec.chain`."
    )
    return warning(Reason.ISSUER_MISSING, message, fingerprint=target.fingerprint)


def _subject_of(certificate: Certificate, *, is_target: bool) -> str:
    if is_target and not certificate.is_ca:
        return "the leaf"
    return f'the certificate "{_short(certificate.label)}"'


def _issuer_of(certificate: Certificate) -> str:
    authority = certificate.authority_key_id
    key_id = key_id_text(authority.key_id if authority else None)[: _LABEL_LENGTH * 2]
    return f'"{_short(certificate.issuer.label)}"' + (f" (key id {key_id})" if key_id else "")


def _list_labels(given: Iterable[Certificate]) -> str:
    labels = [f'"{_short(certificate.label)}"' for certificate in given]
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return f" ({', '.join(labels[:_SHOWN])}{more})"


def _short(label: str) -> str:
    return printable(label, limit=_LABEL_LENGTH)
