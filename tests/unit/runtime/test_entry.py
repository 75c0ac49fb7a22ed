"""What stands open of an object of ours: from when until when what it is about is valid."""

from typing import Any

import pytest

from certwright.reconcile.objects import Kind
from certwright.runtime.entry import Arrival

DAY = 86_400.0
SERVED = {"served": {"validFrom": "1970-01-02T00:00:00Z", "validThru": "1970-01-03T00:00:00Z"}}
CA = {"notBefore": int(DAY) * 1000, "expiry": 2 * int(DAY) * 1000}
ROWS = [{"name": "a", "validThru": "1970-01-04T00:00:00Z"}, {"name": "b", "validThru": "1970-01-03T00:00:00Z"}]


@pytest.mark.parametrize(
    ("kind", "status", "validity"),
    [
        (Kind.IMPORTED_CERTIFICATE, SERVED, (DAY, 2 * DAY)),
        (Kind.IMPORTED_CERTIFICATE, {}, (None, None)),
        (Kind.TRUST_DECISION, CA | {"trustState": "trusted"}, (DAY, 2 * DAY)),
        (Kind.TRUST_DECISION, CA | {"trustState": "expired"}, (DAY, 2 * DAY)),
        (Kind.TRUST_DECISION, CA | {"trustState": "untrusted"}, (None, None)),
        (Kind.TRUST_DECISION, {"trustState": "trusted"}, (None, None)),
        (Kind.CLUSTER_CERTIFICATE_SET, {"certificates": [*ROWS, {"name": "c"}]}, (None, 2 * DAY)),
        (Kind.CLUSTER_CERTIFICATE_SET, {"certificates": [{"name": "c"}]}, (None, None)),
        # Those that hang under a key are objects of their own.
        (Kind.PRIVATE_KEY, {"certificates": ROWS}, (None, None)),
    ],
)
def test_entry_says_from_when_until_when_when_it_is_packed(
    kind: Kind, status: dict[str, Any], validity: tuple[float | None, float | None]
) -> None:
    metadata = {
        "name": "shop",
        "uid": "u1",
        "resourceVersion": "7",
        "generation": 1,
        "creationTimestamp": "1970-01-01T00:00:00Z",
    }

    entry = Arrival(kind, {"metadata": metadata, "spec": {}, "status": status}).entry()

    assert (entry.not_before, entry.not_after) == validity
