"""Count requests by what the API server itself says at `/metrics`."""

import re
from collections import Counter
from typing import NamedTuple

SAMPLE = re.compile(r"^apiserver_request_total\{(?P<labels>.*)\} (?P<value>\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class RequestKind(NamedTuple):
    """Say what kind of request was counted."""

    verb: str
    group: str
    resource: str
    subresource: str
    code: str


def parse_request_counts(text: str) -> Counter[RequestKind]:
    """Return how many requests of each kind the API server answered since it started, from the text of `/metrics`.

    All users together; verbs are the API server's (`GET`, `LIST`, `WATCH`, `APPLY`, …), other than in the audit log.
    A watch counts when it ends.
    """
    counts: Counter[RequestKind] = Counter()
    for sample in SAMPLE.finditer(text):
        labels = dict(LABEL.findall(sample["labels"]))
        kind = RequestKind(*(labels.get(field, "") for field in RequestKind._fields))
        counts[kind] += int(float(sample["value"]))
    return counts
