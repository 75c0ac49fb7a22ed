import json

from hypothesis import given
from hypothesis import strategies as st

from certwright.api.size import STATUS_LIMIT, first_names, fit_status

PAGE = "é" * 2000  # 4,000 bytes


def test_first_names_are_a_hundred_when_there_are_more() -> None:
    assert first_names(f"n{number}.example" for number in range(150)) == tuple(f"n{n}.example" for n in range(100))


def test_first_names_stop_before_eight_kibibytes_when_names_are_long() -> None:
    names = first_names("a" * 250 for _ in range(100))

    assert len(names) == 8192 // 250


def test_first_names_are_all_names_when_there_is_room() -> None:
    assert first_names(["a.example", "b.example"]) == ("a.example", "b.example")


def test_fit_status_returns_the_same_object_when_it_is_small() -> None:
    status = {"dnsNames": ["a.example"], "responseCode": 200}

    assert fit_status(status) is status


def test_fit_status_cuts_names_first_when_that_is_enough() -> None:
    status = {"dnsNames": [PAGE] * 16, "chain": [PAGE] * 2, "findings": [{"message": PAGE}], "dnsNamesCount": 16}

    fitted = fit_status(status)

    assert (len(fitted["dnsNames"]), len(fitted["chain"]), len(fitted["findings"])) == (8, 2, 1)
    assert fitted["dnsNamesCount"] == 16
    assert len(status["dnsNames"]) == 16, "what was given must not be changed"


def test_fit_status_cuts_chain_before_findings_when_names_do_not_suffice() -> None:
    fitted = fit_status({"dnsNames": ["a.example"], "chain": [PAGE] * 8, "findings": [{"message": PAGE}] * 14})

    assert (fitted["dnsNames"], fitted["chain"], len(fitted["findings"])) == ([], [PAGE], 14)


def test_fit_status_keeps_the_lists_empty_when_something_else_is_too_large() -> None:
    fitted = fit_status({"targets": [PAGE] * 20, "dnsNames": ["a.example"]})

    assert fitted == {"targets": [PAGE] * 20, "dnsNames": []}


@given(st.lists(st.text(max_size=400)), st.lists(st.text(max_size=400)), st.lists(st.text(max_size=400)))
def test_fit_status_is_within_the_limit_when_only_lists_are_large(
    names: list[str], chain: list[str], findings: list[str]
) -> None:
    fitted = fit_status({"dnsNames": names * 50, "chain": chain * 50, "findings": findings * 50})

    assert len(json.dumps(fitted, ensure_ascii=False, separators=(",", ":")).encode()) <= STATUS_LIMIT
    assert fit_status(fitted) is fitted
