"""What no path may lead through: said by the record of what is deployed, for as long as somebody says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from certwright.findings import Reason, finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.trust.gathering import Candidate
from certwright.reconcile.trust.record import Distrust
from certwright.reconcile.trust.stance import Standing
from tests.support.pki import NOW
from tests.support.staging import INTERMEDIATE, ROOTS, Shop, decide

A, B = ROOTS[:2]
ROOT = decide("root", A)
CLOSED = finding(Reason.INVALID_REQUEST, "The namespace is no source of trust.")
DAY = timedelta(days=1)


def issuing(standing: Standing = Standing.TRUSTED, name: str = "issuing", **said: object) -> Candidate:
    return decide(name, said.pop("certificate", INTERMEDIATE), standing, role="intermediateCA", **said)


def said(shop: Shop) -> dict[str, str]:
    """Give what the record distrusts, by fingerprint."""
    assert shop.record is not None
    return {each.fingerprint: each.decision for each in shop.record.distrusts}


def by(name: str, certificate: Certificate = INTERMEDIATE) -> dict[str, str]:
    return {certificate.fingerprint: name}


def distrusting(*, manual: bool = False) -> Shop:
    """Make a store in which an intermediate was deployed and withdrawn."""
    shop = Shop()
    shop.deploy(ROOT, issuing())
    shop.manual = manual
    shop.deploy(ROOT, issuing(Standing.WITHDRAWN))
    assert said(shop) == by("issuing")
    return shop


def test_withdrawn_intermediate_is_distrusted_by_the_very_record_that_leaves_it_out() -> None:
    shop = Shop()
    first = shop.deploy(ROOT, issuing())
    assert first.deployment is not None
    assert first.deployment.record.distrusts == ()

    second = shop.deploy(ROOT, issuing(Standing.WITHDRAWN))

    assert second.deployment is not None
    assert second.deployment.record.distrusts == (Distrust(INTERMEDIATE.fingerprint, "issuing"),)
    assert [each.certificate for each in second.deployment.record.entries] == [A]


def test_certificate_is_distrusted_that_was_never_trusted() -> None:
    shop = Shop()
    shop.deploy(ROOT)

    staged = shop.deploy(ROOT, issuing(Standing.WITHDRAWN))

    assert said(shop) == by("issuing")
    assert staged.deployment is not None
    assert not staged.deployment.difference


def test_distrust_of_a_manual_store_waits_for_nobody_and_its_end_for_the_approval() -> None:
    shop = distrusting(manual=True)

    shop.deploy(ROOT, issuing())
    assert said(shop) == by("issuing")

    shop.approve(ROOT, issuing())
    assert said(shop) == {}
    assert set(shop.bundle) == {A, INTERMEDIATE}


@pytest.mark.parametrize("standing", [Standing.PENDING, Standing.TROUBLED])
def test_trouble_ends_no_distrust(standing: Standing) -> None:
    shop = distrusting()
    shop.deploy(ROOT, issuing(standing))
    assert said(shop) == by("issuing")


def test_distrust_stays_when_its_decision_is_only_deselected() -> None:
    shop = distrusting()
    shop.deploy(ROOT, issuing(Standing.WITHDRAWN, selected=False))
    assert said(shop) == by("issuing")

    shop.deploy(ROOT, issuing(Standing.LEAVING, selected=False))
    assert said(shop) == {}


def test_distrust_ends_with_its_decision_and_when_that_speaks_of_another_certificate() -> None:
    shop = distrusting()
    shop.deploy(ROOT, issuing(Standing.WITHDRAWN, certificate=B))
    assert said(shop) == by("issuing", B)

    shop.deploy(ROOT)
    assert said(shop) == {}


def test_distrust_stays_while_the_namespace_is_closed_and_while_the_time_is_in_doubt() -> None:
    shop = distrusting()
    shop.closed = CLOSED
    shop.deploy()
    assert said(shop) == by("issuing")

    shop.closed, shop.clock_doubted = None, True
    shop.deploy(ROOT)
    assert said(shop) == by("issuing")

    shop.clock_doubted = False
    shop.deploy(ROOT)
    assert said(shop) == {}


def test_what_was_trusted_for_a_while_is_distrusted_from_that_instant_on() -> None:
    shop = Shop()
    shop.deploy(ROOT, issuing(until=NOW + DAY))
    shop.now = NOW + DAY
    shop.deploy(ROOT, issuing(until=NOW + DAY))
    assert said(shop) == by("issuing")

    # Whoever goes on trusting it lifts that: an end is no word against the CA.
    shop.deploy(ROOT, issuing(Standing.ENDED, until=NOW + DAY), issuing(name="longer"))
    assert said(shop) == {}


def test_expired_certificate_says_so_itself() -> None:
    shop = Shop()
    shop.deploy(ROOT, issuing(Standing.ENDED))
    assert said(shop) == {}


def test_lost_record_is_made_anew_with_what_it_distrusted() -> None:
    staged = Shop().look(ROOT, issuing(Standing.WITHDRAWN))
    assert staged.distrusts == (Distrust(INTERMEDIATE.fingerprint, "issuing"),)
