"""`certwright diff` over decisions and stores: what a change adds, removes and withdraws, and the id to approve."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from certwright.cli.diff.store_text import ONCE
from tests.unit.cli.trust_files import (
    G1,
    G2,
    G3,
    ISSUING,
    SHOP,
    SOURCE,
    Object,
    changes,
    check,
    cluster_store,
    decision,
    names,
    run,
    store,
    write,
)
from tests.unit.reconcile.truststore.yard import CLUSTER_STORE, Yard

STORE = "ClusterTrustStore corporate"


def sides(tmp_path: Path, old: list[Object], new: list[Object]) -> tuple[Path, Path]:
    """Write both sides, each with the namespace of the decisions."""
    return write(tmp_path, "old.yaml", SOURCE, *old), write(tmp_path, "new.yaml", SOURCE, *new)


def change(tmp_path: Path, old: list[Object], new: list[Object]) -> dict[str, Any]:
    """Compare two sides and give the change of the store."""
    found: dict[str, Any] = changes(*sides(tmp_path, old, new))[STORE]
    return found


def exported(wish: Object, *, generation: int = 1, **status: Any) -> Object:
    """Give a store as `kubectl get -o yaml` does."""
    return {**wish, "status": {"observedGeneration": generation, **status}}


def revision_of(*objects: Object) -> str:
    """Give the revision that a store would deploy."""
    return str(check(SOURCE, *objects)["ClusterTrustStore/corporate"]["bundle"]["revision"])


# ---- as the operator has it


def test_ids_are_those_of_the_operator_when_it_gathers_the_same_objects(tmp_path: Path) -> None:
    yard = Yard(main=CLUSTER_STORE)
    until = {"trustUntil": "2027-01-01T00:00:00Z"}
    yard.decide("g1", G1)
    yard.decide("g2", G2, **until)
    yard.decide("issuing", ISSUING, certUse="intermediateCA")
    yard.wish(**yard.manual())
    asyncio.run(yard.rest())
    first = [decision("g1", G1), decision("g2", G2, **until), decision("issuing", ISSUING, certUse="intermediateCA")]
    (tmp_path / "none").mkdir()
    new = write(tmp_path, "first.yaml", SOURCE, *first, cluster_store())
    assert changes(tmp_path / "none", new)[STORE]["store"]["approval"] == yard.status["pending"]["id"]

    yard.approve()
    asyncio.run(yard.rest())
    yard.distrust("g1")
    yard.decide("g2", G2)
    yard.decide("g3", G3)
    asyncio.run(yard.rest())
    second = [decision("g1", G1, trustStateDesired="untrusted"), decision("g2", G2), decision("g3", G3)]
    found = change(tmp_path, [*first, cluster_store()], [*second, first[2], cluster_store()])
    assert found["store"]["approval"] == yard.status["pending"]["id"]
    assert found["store"]["stagedRevision"] == yard.status["stagedRevision"]
    pending = {name: [each["name"] for each in yard.status["pending"].get(name, ())] for name in ("added", "changed")}
    assert {name: names(found["store"][name]) for name in pending} == pending
    # What the withdrawal took out at once is deployed by now; what it took with it, the intermediate, is in trouble.
    live = exported(cluster_store(), deployedRevision=yard.status["deployedRevision"])
    again = change(tmp_path, [*first, live], [*second, first[2], cluster_store()])["store"]
    assert (again["approval"], len(again["remarks"])) == (None, 1)


# ---- stores


def test_diff_says_what_is_added_removed_and_changed_with_the_id_to_approve(tmp_path: Path) -> None:
    old, new = sides(
        tmp_path,
        [decision("g1", G1), decision("g2", G2), cluster_store()],
        [decision("g2", G2, trustUntil="2027-01-01T00:00:00Z"), decision("g3", G3), cluster_store()],
    )
    found = changes(old, new)[STORE]
    g1, g2, g3 = (each.certificate.fingerprint for each in (G1, G2, G3))
    assert found["text"] == "1 added, 1 removed, 1 changed"
    assert found["store"]["changed"][0]["was"] == {"certUse": "rootCA", "trustUntil": None}
    result = run("diff", old, new)
    assert result.exit_code == 1
    assert result.output.splitlines()[-6:] == [
        f"{STORE}: {found['text']}",
        f'  adds "Corp Root G3" ({g3}), rootCA, until 2035-01-01T00:00:00Z, TrustDecision g3',
        f'  removes "Corp Root G1" ({g1}), rootCA, TrustDecision g1',
        f'  changes "Corp Root G2" ({g2}), trusted until its own end→2027-01-01T00:00:00Z, TrustDecision g2',
        f"  to approve: {found['store']['approval']}",
        f"note  {ONCE}",
    ]


def test_diff_says_what_leaves_at_once_when_a_ca_is_withdrawn(tmp_path: Path) -> None:
    old = [decision("g1", G1), decision("g2", G2), cluster_store()]
    found = change(tmp_path, old, [decision("g1", G1, trustStateDesired="untrusted"), *old[1:]])
    assert (found["text"], found["flags"]) == ("1 withdrawn", ["TrustWithdrawn"])
    assert found["store"]["withdrawn"][0]["why"] == "TrustDecision g1 distrusts it"
    assert (found["store"]["approval"], found["store"]["removed"]) == (None, [])
    lines = run("diff", tmp_path / "old.yaml", tmp_path / "new.yaml").output.splitlines()
    assert lines[0] == "TrustDecision trust/g1: same certificate, trusted→untrusted  [withdrawn]"
    assert lines[1] == f"{STORE}: 1 withdrawn  [withdrawn]"
    assert lines[2].endswith(", at once: TrustDecision g1 distrusts it")


def test_diff_needs_no_id_when_the_store_is_automatic(tmp_path: Path) -> None:
    wish = cluster_store("Automatic")
    found = change(tmp_path, [decision("g1", G1), wish], [decision("g1", G1), decision("g2", G2), wish])
    assert (found["text"], found["store"]["approval"], names(found["store"]["added"])) == (
        "1 added",
        None,
        ["Corp Root G2"],
    )


def test_diff_tells_the_id_of_the_first_deployment_when_the_store_is_new(tmp_path: Path) -> None:
    found = change(tmp_path, [], [decision("g1", G1), cluster_store()])
    approval = check(SOURCE, decision("g1", G1), cluster_store())["ClusterTrustStore/corporate"]["bundle"]
    assert (found["change"], found["text"]) == ("added", "added, Manual, 1 added")
    assert found["store"]["approval"] == approval["firstApproval"]


def test_diff_says_what_was_deployed_when_the_store_is_removed(tmp_path: Path) -> None:
    found = change(tmp_path, [decision("g1", G1), cluster_store()], [decision("g1", G1)])
    assert (found["change"], found["text"], found["new"]) == ("removed", "removed, 1 root", None)


def test_diff_accepts_the_approval_in_the_same_change_and_flags_another(tmp_path: Path) -> None:
    old = [decision("g1", G1), cluster_store()]
    new = [decision("g1", G1), decision("g2", G2)]
    approval = change(tmp_path, old, [*new, cluster_store()])["store"]["approval"]
    for given, approved, flags in ((approval, True, []), ("sha256:" + 64 * "0", False, ["OtherApproved"])):
        wish = cluster_store(deployment={"mode": "Manual", "approved": given})
        found = change(tmp_path, old, [*new, wish])
        assert (found["store"]["approval"], found["store"]["approved"], found["flags"]) == (approval, approved, flags)
        shown = run("diff", tmp_path / "old.yaml", tmp_path / "new.yaml").output
        words = "approved, the new side names it: " if approved else "to approve: "
        assert f"  {words}{approval}\n" in shown


def test_diff_flags_when_nobody_has_to_approve_any_more(tmp_path: Path) -> None:
    wish = cluster_store("Automatic", targets=[{"name": "ca"}], namespaceSelector={}, publicRoots="None")
    found = change(tmp_path, [decision("g1", G1), cluster_store()], [decision("g1", G1), wish])
    assert found["text"] == "mode Manual→Automatic, namespaceSelector changed, targets changed"
    assert found["flags"] == ["ApprovalDropped"]


def test_diff_says_nothing_when_stores_come_to_the_same(tmp_path: Path) -> None:
    old = [decision("g1", G1), cluster_store()]
    again = [decision("other-name", G1), exported(cluster_store(allowEmpty=False), deployedRevision=revision_of(*old))]
    result = run("diff", *sides(tmp_path, old, old))
    assert (result.exit_code, result.output) == (0, "")
    assert STORE not in changes(*sides(tmp_path, old, again))


def test_diff_says_what_keeps_a_change_from_being_deployed(tmp_path: Path) -> None:
    old = [decision("g1", G1), decision("g2", G2), cluster_store()]
    empty = [decision("g3", SHOP), cluster_store(selector={"matchLabels": {"tier": "none"}})]
    found = change(tmp_path, old, empty)
    assert found["store"]["blocked"].startswith("What is deployed stays")
    assert (found["store"]["approval"], names(found["store"]["removed"])) == (None, ["Corp Root G1", "Corp Root G2"])
    lines = run("diff", tmp_path / "old.yaml", tmp_path / "new.yaml").output.splitlines()
    assert any(line.startswith("  not deployed: What is deployed stays") for line in lines)
    assert not any(line.startswith("  error EmptyBundle") for line in lines)


def test_diff_says_why_when_the_new_wish_cannot_be_read(tmp_path: Path) -> None:
    found = change(tmp_path, [decision("g1", G1), cluster_store()], [decision("g1", G1), cluster_store("Sometimes")])
    assert (found["text"], found["store"]["stagedRevision"]) == ("verdict Valid→InvalidRequest", None)
    assert "  error InvalidRequest" in run("diff", tmp_path / "old.yaml", tmp_path / "new.yaml").output


def test_diff_names_public_roots_and_their_version_when_a_store_takes_them(tmp_path: Path) -> None:
    path = write(tmp_path, "old.yaml", decision("g1", G1), store(deployment={"mode": "Manual"}))
    wish = store(deployment={"mode": "Manual"}, publicRoots="Mozilla")
    new = write(tmp_path, "new.yaml", decision("g1", G1), wish)
    found = changes(path, new)["TrustStore trust/local"]
    assert found["store"]["approval"]
    assert "an operator may ship others" in found["store"]["remarks"][0]
    shown = run("diff", path, new).output
    assert "more: `--output json` has all of them" in shown


# ---- what a status says


def test_diff_starts_from_the_deployed_revision_when_a_status_has_one(tmp_path: Path) -> None:
    before = [decision("g1", G1)]
    deployed = revision_of(*before, cluster_store())
    waiting = [*before, decision("g2", G2)]
    new = [*before, decision("g3", G3), cluster_store()]
    plain = change(tmp_path, [*before, cluster_store()], new)
    live = change(tmp_path, [*waiting, exported(cluster_store(), deployedRevision=deployed)], new)
    assert live["store"]["approval"] == plain["store"]["approval"]
    assert live["store"]["deployedRevision"] == deployed
    assert "not what the old side makes" in live["store"]["remarks"][0]
    back = change(
        tmp_path, [*waiting, exported(cluster_store(), deployedRevision=deployed)], [*before, cluster_store()]
    )
    assert (back["store"]["approval"], back["store"]["remarks"][0].endswith("nothing is to approve.")) == (None, True)


def test_diff_tells_no_id_when_it_cannot_be_known(tmp_path: Path) -> None:
    old = [decision("g1", G1), decision("g2", G2), exported(cluster_store(), deployedRevision="sha256:" + 64 * "a")]
    new = [decision("g1", G1, trustStateDesired="untrusted"), decision("g3", G3), cluster_store()]
    found = change(tmp_path, old, new)["store"]
    assert (found["approval"], "With a withdrawal the id cannot be told" in found["remarks"][0]) == (None, True)
    unknown = decision(
        "g3", None, certificateRef={"kind": "Secret", "name": "x"}, fingerprint=G3.certificate.fingerprint
    )
    lacking = change(tmp_path, [decision("g1", G1), cluster_store()], [decision("g2", G2), unknown, cluster_store()])
    assert (lacking["store"]["approval"], "the files lack decisions" in lacking["store"]["remarks"][0]) == (None, True)


def test_diff_takes_the_status_of_the_new_side_and_ids_that_count_no_more(tmp_path: Path) -> None:
    decisions = [decision("g1", G1)]
    first = change(tmp_path, [], [*decisions, cluster_store()])["store"]["approval"]
    never = exported(cluster_store(), record={"void": [first]})
    found = change(tmp_path, [decision("g2", G2), cluster_store()], [*decisions, never])["store"]
    assert (found["deployedRevision"], names(found["added"]), names(found["removed"])) == (None, ["Corp Root G1"], [])
    assert found["approval"] not in {None, first}


# ---- decisions


@pytest.mark.parametrize(
    ("old", "new", "text", "flags"),
    [
        ({}, {"trustUntil": "2027-01-01T00:00:00Z"}, "trusted until its own end→2027-01-01T00:00:00Z", []),
        ({"trustStateDesired": "untrusted"}, {}, "untrusted→trusted", ["TrustGiven"]),
        ({}, {"trustStateDesired": "untrusted"}, "trusted→untrusted", ["TrustWithdrawn"]),
        ({}, {"certUse": "intermediateCA"}, "rootCA→intermediateCA", ["VerdictWorse"]),
    ],
)
def test_diff_says_what_becomes_of_a_decision(
    old: dict[str, Any], new: dict[str, Any], text: str, flags: list[str], tmp_path: Path
) -> None:
    found = changes(*sides(tmp_path, [decision("ca", G1, **old)], [decision("ca", G1, **new)]))
    assert found["TrustDecision trust/ca"]["text"].startswith(f"same certificate, {text}")
    assert found["TrustDecision trust/ca"]["flags"] == flags


def test_diff_says_added_and_removed_with_what_it_comes_to(tmp_path: Path) -> None:
    until = {"trustUntil": "2027-01-01T00:00:00Z"}
    found = changes(*sides(tmp_path, [decision("a", G1)], [decision("b", G2, **until)]))
    assert found["TrustDecision trust/a"]["text"].endswith("ECDSA P-256, rootCA, trusted")
    assert found["TrustDecision trust/b"]["text"].endswith("rootCA, trusted until 2027-01-01T00:00:00Z")


def test_diff_flags_when_a_decision_is_about_another_certificate(tmp_path: Path) -> None:
    found = changes(*sides(tmp_path, [decision("ca", G1)], [decision("ca", SHOP)]))["TrustDecision trust/ca"]
    assert {"VerdictWorse", "CAChanged"} <= set(found["flags"])
