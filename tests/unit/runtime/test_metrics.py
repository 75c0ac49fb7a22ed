"""Figures for Prometheus: what is counted, what is looked up, and when series would be too many."""

import re

from certwright.reconcile.objects import Kind, ObjectKey
from certwright.runtime.entry import Entry
from certwright.runtime.metrics import Metrics, Reading


def entry(reason: str, until: float | None) -> Entry:
    since = None if until is None else until - 100
    return Entry("u", 1, b"", b"", reason=reason, not_before=since, not_after=until, packed=b"")


def reading(*entries: Entry) -> Reading:
    keys = [ObjectKey(Kind.IMPORTED_CERTIFICATE, "a", f"shop-{number}") for number in range(len(entries))]
    return Reading(
        depth=3,
        running=2,
        delayed=1,
        oldest_seconds=0.5,
        is_leader=True,
        is_ready=False,
        objects=list(zip(keys, entries, strict=True)),
        restarts={"own": 4},
        events={"written": 5},
    )


def lines(metrics: Metrics, seen: Reading) -> set[str]:
    text = metrics.render(seen).decode()
    return {line for line in text.splitlines() if line.startswith("certwright")}


def labels(name: str) -> str:
    return f'{{kind="ImportedCertificate",name="{name}",namespace="a"}}'


def test_render_writes_what_was_counted() -> None:
    metrics = Metrics(certificate_series=100)
    metrics.passed("ImportedCertificate", "done", 0.02)
    metrics.passed("ImportedCertificate", "done", 0.2)
    metrics.requests("patch", "secrets", 201, 0.01)
    metrics.requests("get", "secrets", 0, 30.0)
    metrics.delivered("ImportedCertificate", "new")
    found = lines(metrics, reading())
    assert found >= {
        'certwright_reconcile_total{kind="ImportedCertificate",result="done"} 2.0',
        'certwright_reconcile_duration_seconds_bucket{kind="ImportedCertificate",le="0.025"} 1.0',
        'certwright_api_requests_total{code="201",resource="secrets",verb="patch"} 1.0',
        'certwright_api_requests_total{code="0",resource="secrets",verb="get"} 1.0',
        'certwright_watch_events_total{change="new",kind="ImportedCertificate"} 1.0',
    }
    assert not any("_created" in line for line in found)


def test_render_writes_what_is_looked_up() -> None:
    metrics = Metrics(certificate_series=100)
    found = lines(metrics, reading(entry("Valid", 1000.0), entry("Valid", 2000.0), entry("", None)))
    assert found >= {
        "certwright_queue_depth 3.0",
        "certwright_queue_running 2.0",
        "certwright_queue_delayed 1.0",
        "certwright_queue_oldest_seconds 0.5",
        "certwright_leader 1.0",
        "certwright_ready 0.0",
        'certwright_watch_restarts_total{watch="own"} 4.0',
        'certwright_events_total{result="written"} 5.0',
        'certwright_objects{kind="ImportedCertificate",reason="Valid"} 2.0',
        'certwright_objects{kind="ImportedCertificate",reason="None"} 1.0',
        "certwright_certificate_series_suppressed 0.0",
        f"certwright_certificate_not_before_timestamp_seconds{labels('shop-0')} 900.0",
        f"certwright_certificate_not_after_timestamp_seconds{labels('shop-1')} 2000.0",
    }


def test_series_of_certificates_are_switched_off_when_there_are_too_many() -> None:
    metrics = Metrics(certificate_series=3)
    found = lines(metrics, reading(entry("Valid", 1000.0), entry("Valid", 2000.0)))
    assert "certwright_certificate_series_suppressed 1.0" in found
    assert not any("not_after" in line for line in found)
    assert any("not_after" in line for line in lines(metrics, reading(entry("Valid", 1000.0))))


def test_two_operators_in_a_process_count_apart() -> None:
    one, other = Metrics(certificate_series=1), Metrics(certificate_series=1)
    one.delivered("ImportedCertificate", "new")
    assert not any(re.match("certwright_watch_events_total{", line) for line in lines(other, reading()))
