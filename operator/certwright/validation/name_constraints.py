"""Name constraints: which names the certificates below a CA may hold (RFC 5280 §4.2.1.10, §6.1.3 (b) and (c))."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.general_names import (
    DIRECTORY_NAME,
    DNS_NAME,
    IP_ADDRESS,
    RFC822_NAME,
    URI,
    GeneralNames,
    IPRange,
    Subtrees,
)
from certwright.pki.names import Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from certwright.pki.certificate import Certificate
    from certwright.pki.general_names import IPAddress
    from certwright.validation.work import Work

_SUBJECT_ALT_NAME = "2.5.29.17"


class ConstraintState:
    """permitted_subtrees and excluded_subtrees of RFC 5280 §6.1.2 (b), (c).

    The permitted subtrees of several CAs intersect: a name must lie in one of each CA's. Excluded ones add up.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._permitted: list[Subtrees] = []
        self._excluded: list[Subtrees] = []

    def add(self, certificate: Certificate) -> Iterator[Finding]:
        """Take over the constraints of a CA (§6.1.4 (g)); yields nothing, and is an iterator like its neighbours."""
        constraints = certificate.name_constraints
        if constraints is not None:
            self._permitted.append(constraints.permitted)
            self._excluded.append(constraints.excluded)
        return iter(())

    def check(self, certificate: Certificate) -> Iterator[Finding]:
        """Find the names of `certificate` that the constraints forbid.

        Raises:
            BudgetError: too many names against too many constraints.
        """
        if not self._permitted:
            return
        names = _names_of(certificate)
        constraints = sum(map(len, self._permitted)) + sum(map(len, self._excluded))
        self._work.spend("name_comparisons", constraints * _count(names))
        for wrong in self._find_violations(names):
            message = (
                f'the path is invalid: the certificate "{certificate.label}" holds {wrong}, which the name '
                "constraints of a CA above it do not allow."
            )
            yield finding(
                Reason.CHAIN_INVALID, message, detail=Detail.NAME_CONSTRAINTS, fingerprint=certificate.fingerprint
            )
            return

    def _find_violations(self, names: GeneralNames) -> Iterator[str]:
        for permitted in self._permitted:
            yield from _outside(names, permitted)
        for excluded in self._excluded:
            yield from _inside(names, excluded)
        constrained = _constrained_tags(self._permitted) | _constrained_tags(self._excluded)
        for tag, _ in names.others:
            if tag in constrained:
                yield "a name of a form that cannot be compared"


def _names_of(certificate: Certificate) -> GeneralNames:
    # The subject is a directory name (§6.1.3 (b)); without alternative names a mail address in it counts as one.
    names = certificate.subject_alt_names
    subject = () if certificate.subject.is_empty else (certificate.subject,)
    emails = names.emails
    if _SUBJECT_ALT_NAME not in certificate.extensions.present:
        emails = tuple(value for field, value in certificate.subject.attributes if field == "emailAddress")
    return GeneralNames(names.dns, names.ips, emails, names.uris, (*subject, *names.directories), names.others)


def _count(names: GeneralNames) -> int:
    return sum(map(len, (names.dns, names.ips, names.emails, names.uris, names.directories, names.others)))


def _constrained_tags(halves: Sequence[Subtrees]) -> set[int]:
    tags: set[int] = set()
    for half in halves:
        tags.update(half.others)
        forms = ((half.dns, DNS_NAME), (half.ips, IP_ADDRESS), (half.emails, RFC822_NAME), (half.uris, URI))
        tags.update(tag for trees, tag in forms if trees)
        if half.directories:
            tags.add(DIRECTORY_NAME)
    return tags


def _outside(names: GeneralNames, permitted: Subtrees) -> Iterator[str]:
    for kind, values, trees, is_within in _forms(names, permitted):
        if not trees:
            continue
        for value in values:
            if not any(is_within(value, tree) for tree in trees):
                yield f'the {kind} "{value}"'


def _inside(names: GeneralNames, excluded: Subtrees) -> Iterator[str]:
    for kind, values, trees, is_within in _forms(names, excluded):
        for value in values:
            if any(is_within(value, tree) for tree in trees):
                yield f'the {kind} "{value}"'
    for name in names.dns:
        if any(_wildcard_reaches(name, tree) for tree in excluded.dns):
            yield f'the DNS name "{name}"'
    for uri in names.uris:
        if excluded.uris and uri_host(uri) is None:
            yield f'the URI "{uri}"'  # its host cannot be known not to be excluded


def _forms(
    names: GeneralNames, trees: Subtrees
) -> tuple[tuple[str, Sequence[object], Sequence[object], Callable[..., bool]], ...]:
    return (
        ("DNS name", names.dns, trees.dns, is_dns_within),
        ("IP address", names.ips, trees.ips, _is_ip_within),
        ("mail address", names.emails, trees.emails, is_email_within),
        ("URI", names.uris, trees.uris, is_uri_within),
        ("name", names.directories, trees.directories, _is_directory_within),
    )


def is_dns_within(name: str, tree: str) -> bool:
    """Tell whether a DNS name is `tree` or lies below it; a leading dot means only below, nothing means all."""
    name, tree = name.lower().removesuffix("."), tree.lower().removesuffix(".")
    if tree.startswith(".") or not tree:
        return name.endswith(tree)
    return name == tree or name.endswith("." + tree)


def is_email_within(name: str, tree: str) -> bool:
    """Tell whether a mail address lies in `tree`: a mailbox, a host, or with a leading dot a domain's hosts."""
    local, _, host = name.rpartition("@")
    if "@" in tree:
        tree_local, _, tree_host = tree.rpartition("@")
        return local == tree_local and host.lower() == tree_host.lower()
    return _is_host_within(host, tree)


def is_uri_within(name: str, tree: str) -> bool:
    """Tell whether the host of a URI lies in `tree`: a host, or with a leading dot a domain's hosts."""
    host = uri_host(name)
    return host is not None and _is_host_within(host, tree)


def uri_host(uri: str) -> str | None:
    """Return the host of a URI; None when it has none or only an address, which no constraint can speak of."""
    try:
        host = urlsplit(uri).hostname
    except ValueError:
        return None
    if not host or ":" in host or host.replace(".", "").isdigit():
        return None
    return host.removesuffix(".")


def _is_host_within(host: str, tree: str) -> bool:
    host, tree = host.lower(), tree.lower()
    if not tree:
        return True
    return host.endswith(tree) and len(host) > len(tree) if tree.startswith(".") else host == tree


def _is_ip_within(address: IPAddress, tree: IPRange) -> bool:
    return tree.contains(address)


def _is_directory_within(name: Name, tree: Name) -> bool:
    return name.within(tree)


def _wildcard_reaches(name: str, tree: str) -> bool:
    # "*.example.com" can be "secret.example.com": excluded as well.
    if not name.startswith("*."):
        return False
    _, _, parent = tree.lower().removesuffix(".").removeprefix(".").partition(".")
    return bool(parent) and parent == name[2:].lower().removesuffix(".")
