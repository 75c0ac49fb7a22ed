"""`certwright diff` over sets of certificates: a line for each that is exchanged, added, removed or kept."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.pki_files import secrets_of
from tests.unit.cli.set_files import (
    API,
    ISSUING,
    OLD,
    PROXY,
    SPACES,
    SYNCER,
    UPLOADS,
    given,
    namespace,
    slot,
    upload,
    wish,
)
from tests.unit.cli.trust_files import Object, changes, run, write

NAME = "ClusterCertificateSet gateway"
RENEWED = ISSUING.issue_leaf("api.example.com", not_after=datetime(2026, 9, 1, tzinfo=UTC))
FIRST = [*SPACES, *UPLOADS, wish()]


def sides(tmp_path: Path, old: list[Object], new: list[Object]) -> tuple[Path, Path]:
    return write(tmp_path, "old.yaml", *old), write(tmp_path, "new.yaml", *new)


def change(tmp_path: Path, old: list[Object], new: list[Object]) -> dict[str, Any]:
    """Compare two sides and give the change of the set."""
    found: dict[str, Any] = changes(*sides(tmp_path, old, new))[NAME]
    return found


def test_diff_says_what_becomes_of_each_certificate_when_a_set_changes(tmp_path: Path) -> None:
    before = [*FIRST[:-1], upload("syncer", SYNCER), wish(certificates=[given("proxy"), given("api"), given("syncer")])]
    after = [*SPACES, namespace("c"), upload("proxy", PROXY), upload("api", RENEWED), upload("extra", SYNCER)]
    slots = [slot("proxy"), slot("api"), slot("syncer", required=False), slot("extra")]
    spec = {"slots": slots, "certificates": [given("api"), given("extra")], "absent": ["syncer"]}
    old, new = sides(tmp_path, before, [*after, wish(**spec, namespaces=["a", "c"])])
    result = run("diff", old, new)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    lines = lines[next(place for place, line in enumerate(lines) if line.startswith(NAME)) :]
    assert lines[0] == (
        f"{NAME}: 1 added, 1 changed, 1 removed, 1 kept, namespaces +c -b, the Secrets there stay, "
        "verdict Valid→RequiredCertificate  [refused]"
    )
    assert lines[1] == "  keeps proxy: it is not listed any more, and stays, it is required: list it again  [refused]"
    assert lines[2].startswith("  changes api: serial ")
    assert ", names unchanged, issuer unchanged, " in lines[2]
    assert lines[2].endswith("[ends earlier, shorter validity]")
    assert lines[3] == "  removes syncer: its Secrets are deleted in every namespace"
    assert lines[4].startswith("  adds extra: serial ")
    assert lines[4].endswith(", a new slot")
    assert len(lines) == 5
    found = changes(old, new)[NAME]
    assert [(each["name"], each["change"]) for each in found["set"]["certificates"]] == [
        ("proxy", "kept"),
        ("api", "changed"),
        ("syncer", "removed"),
        ("extra", "added"),
    ]
    assert {"EndsEarlier", "ShorterValidity", "VerdictWorse"} <= set(found["flags"])
    assert (found["set"]["joining"], found["set"]["leaving"], found["set"]["newRevision"]) == (["c"], ["b"], None)
    assert found["set"]["certificates"][1]["new"][0]["fingerprint"] == RENEWED.certificate.fingerprint


def test_diff_is_silent_when_a_set_comes_to_the_same(tmp_path: Path) -> None:
    turned = [upload("api", API), *SPACES, wish(namespaces=["b", "a"]), upload("proxy", PROXY)]
    result = run("diff", *sides(tmp_path, FIRST, turned))
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ({"deletionPolicy": "Delete"}, "deletionPolicy Retain→Delete"),
        (
            {"namespaces": ["a"], "deletionPolicy": "Delete"},
            "namespaces -b, the Secrets there that certwright created go",
        ),
        ({"namespaces": None, "namespaceSelector": {"matchLabels": {"tier": "edge"}}}, "namespaceSelector changed"),
        ({"exclude": ["b"]}, "namespaces -b, the Secrets there stay, exclude changed"),
        ({"absent": ["syncer"]}, "1 removed"),
    ],
)
def test_diff_names_what_else_changed_when_a_wish_does(spec: dict[str, Any], line: str, tmp_path: Path) -> None:
    text = change(tmp_path, FIRST, [*FIRST[:-1], wish(**spec)])["text"]
    assert text.startswith(line)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ({"secretName": "gateway-api"}, "Secret api-tls→gateway-api"),
        ({"required": False}, "no longer required"),
        ({"privateKey": "None"}, "privateKey Required→None"),
        ({"usages": ["ServerAuth"]}, "other usages demanded"),
        ({"dnsNames": ["api.example.com"]}, "other dnsNames demanded"),
    ],
)
def test_diff_names_what_is_demanded_otherwise_when_a_slot_changes(
    spec: dict[str, Any], line: str, tmp_path: Path
) -> None:
    slots = [slot("proxy"), slot("api", **spec), slot("syncer", required=False)]
    found = change(tmp_path, FIRST, [*FIRST[:-1], wish(slots=slots)])["set"]["certificates"]
    assert [(each["name"], each["change"], each["text"]) for each in found] == [("api", "changed", line)]


def test_diff_tells_refusals_when_certificates_are_as_they_were_or_worse(tmp_path: Path) -> None:
    old, new = sides(tmp_path, FIRST, [*SPACES, upload("proxy", OLD), upload("api", API, consent=False), wish()])
    lines = run("diff", old, new).output.splitlines()
    assert lines[0] == f"{NAME}: 2 changed, verdict Valid→InvalidRequest  [refused]"
    assert lines[1].startswith("  changes proxy: serial ")
    assert lines[1].endswith("[ends earlier, shorter validity, names removed, refused]")
    assert lines[2] == "  changes api: verdict Valid→InvalidRequest  [refused]"
    assert lines[3].startswith("  error InvalidRequest  `spec.certificates[api]`: the Secret does not allow")
    assert lines[4].startswith("  error Expired  `proxy`: ")


def test_diff_keeps_what_is_not_required_and_says_how_to_remove_it_when_it_is_left_out(tmp_path: Path) -> None:
    filled = [
        *FIRST[:-1],
        upload("syncer", SYNCER),
        wish(certificates=[given(each) for each in ("proxy", "api", "syncer")]),
    ]
    found = change(tmp_path, filled, FIRST)
    assert found["text"] == "1 kept"
    assert found["set"]["certificates"][0]["text"] == "it is not listed any more, and stays, `absent` would remove it"
    gone = change(tmp_path, filled, [*FIRST[:-1], wish(slots=[slot("proxy"), slot("api")])])["set"]["certificates"]
    assert gone[0]["text"].endswith(", its slot is gone")


def test_diff_compares_what_it_can_when_secrets_are_not_among_the_files(tmp_path: Path) -> None:
    bare = [*SPACES, wish()]
    other = [*SPACES, wish(certificates=[given("proxy"), given("api", "api-2027")])]
    found = change(tmp_path, bare, other)
    assert [(each["name"], each["text"]) for each in found["set"]["certificates"]] == [("api", "another source")]
    result = run("diff", *sides(tmp_path, bare, other))
    assert "  note Secret `api-2027` (`spec.certificates[api].certificateRef`) is not among the files" in result.output
    gone = change(tmp_path, FIRST, bare)["set"]["certificates"]
    assert [each["text"] for each in gone] == ["verdict Valid→NotChecked", "verdict Valid→NotChecked"]


@pytest.mark.parametrize(
    ("policy", "end"),
    [("Retain", "the Secrets in them stay"), ("Delete", "the Secrets in them that certwright created go")],
)
def test_diff_says_what_stays_when_a_set_is_added_or_removed(policy: str, end: str, tmp_path: Path) -> None:
    whole, none = [*FIRST[:-1], wish(deletionPolicy=policy)], FIRST[:-1]
    added, removed = change(tmp_path, none, whole), change(tmp_path, whole, none)
    assert (added["change"], added["text"]) == ("added", "added, 2 certificates for 2 namespaces: a, b")
    assert removed["text"] == f"removed, 2 certificates for 2 namespaces: a, b, {end}"


def test_diff_shows_no_key_when_a_set_changes(tmp_path: Path) -> None:
    old, new = sides(tmp_path, FIRST, [*SPACES, upload("proxy", PROXY), upload("api", RENEWED), wish()])
    for form in ("text", "json"):
        shown = run("diff", "--output", form, old, new).output.encode()
        assert [piece for key in (API, RENEWED) for piece in secrets_of(key.key_pem.encode()) if piece in shown] == []


def test_diff_says_that_a_wish_cannot_be_read_when_it_is_none(tmp_path: Path) -> None:
    found = change(tmp_path, FIRST, [*FIRST[:-1], wish(slots=5)])
    assert (found["new"]["reason"], "VerdictWorse" in found["flags"]) == ("InvalidRequest", True)
