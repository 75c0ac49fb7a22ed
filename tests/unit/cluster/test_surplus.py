"""What a status holds beside what was applied, and nothing else, is taken away."""

from typing import Any

import pytest

from certwright.cluster.surplus import find_surplus


def condition(kind: str, status: str = "True") -> dict[str, Any]:
    return {"type": kind, "status": status}


WISHED: dict[str, Any] = {
    "responseCode": 200,
    "served": {"serialNumber": "1", "chain": [{"commonName": "CA"}]},
    "targets": [{"secretName": "a"}, {"secretName": "b", "digest": "x"}],
    "dnsNames": ["a", "b"],
    "conditions": [condition("Ready"), condition("Valid")],
}


def test_surplus_is_empty_when_the_status_is_as_wished() -> None:
    assert find_surplus(WISHED, WISHED) == {}


def test_surplus_is_empty_when_only_the_order_of_a_list_differs() -> None:
    found = {**WISHED, "targets": WISHED["targets"][::-1], "conditions": WISHED["conditions"][::-1]}
    assert find_surplus(found, WISHED) == {}


def test_surplus_is_empty_when_somebody_else_has_a_condition_of_another_type() -> None:
    found = {**WISHED, "conditions": [*WISHED["conditions"], condition("example.com/Approved")]}
    assert find_surplus(found, WISHED) == {}


@pytest.mark.parametrize(
    ("edit", "patch"),
    [
        ({"detailedError": "by hand"}, {"detailedError": None}),
        ({"served": {**WISHED["served"], "since": "now"}}, {"served": {"since": None}}),
        ({"dnsNames": ["a", "b", "c"]}, {"dnsNames": ["a", "b"]}),
        ({"targets": [*WISHED["targets"], {"secretName": "c"}]}, {"targets": WISHED["targets"]}),
        ({"targets": [{"secretName": "a", "uid": "1"}, WISHED["targets"][1]]}, {"targets": WISHED["targets"]}),
        (
            {"conditions": [condition("example.com/Approved"), condition("Stalled"), *WISHED["conditions"]]},
            {"conditions": [condition("example.com/Approved"), *WISHED["conditions"]]},
        ),
    ],
)
def test_surplus_is_taken_away_when_somebody_added_it(edit: dict[str, Any], patch: dict[str, Any]) -> None:
    assert find_surplus({**WISHED, **edit}, WISHED) == patch
