"""What a wish says twice, or says for nothing: the API server refuses it; files and older definitions may hold it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from certwright.api.revocationsource import RevocationSourceSpec
from certwright.findings import Detail, Finding, Reason, finding


def find_conflicts(spec: RevocationSourceSpec) -> Iterator[Finding]:
    """Find fields that exclude each other, and fields about a fetch where nothing is fetched."""
    places = {"crl": spec.crl, "crlRef": spec.crl_ref, "url": spec.url}
    for one, other in combinations([name for name, value in places.items() if value is not None], 2):
        message = f"`spec.{one}` and `spec.{other}` must not both be set. Remove one of them."
        yield finding(Reason.INVALID_REQUEST, message, detail=Detail.CONFLICTING_FIELDS)
    if spec.url is None:
        for name, value in (("caRef", spec.ca_ref), ("intervalSeconds", spec.interval_seconds)):
            if value is not None:
                message = f"`spec.{name}` must not be set without `spec.url`. Remove it."
                yield finding(Reason.INVALID_REQUEST, message, detail=Detail.CONFLICTING_FIELDS)
