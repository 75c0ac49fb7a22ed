"""What is counted, under names that begin with `certwright_`.

Labels are kind, namespace, name, reason, verb, resource and code; never text from a certificate. Time is exported as
absolute timestamps: "seconds remaining" would change in every scrape and compress badly.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector, generate_latest
from prometheus_client import disable_created_metrics as _disable_created
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from certwright import __version__
from certwright.reconcile.objects import ObjectKey
from certwright.runtime.entry import Entry

PASS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
REQUEST_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)
OBJECT_LABELS = ("kind", "namespace", "name")


@dataclass(frozen=True, slots=True)
class Reading:
    """What is not counted but looked up when somebody asks; taken on the event loop, rendered elsewhere."""

    depth: int
    running: int
    delayed: int
    oldest_seconds: float
    is_leader: bool
    is_ready: bool
    objects: list[tuple[ObjectKey, Entry]]
    restarts: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)


class Metrics:
    """The counters of one operator, in a registry of their own.

    Args:
        certificate_series: the most series about single certificates; beyond it there are none.
    """

    def __init__(self, *, certificate_series: int) -> None:
        _disable_created()  # type: ignore[no-untyped-call] # twice the series, for the time of our own start
        self._series = certificate_series
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        Gauge("certwright_build_info", "The version that runs.", ["version"], registry=self.registry).labels(
            __version__
        ).set(1)
        self._passes = Counter(
            "certwright_reconcile",
            "Passes over objects, by how they ended.",
            ["kind", "result"],
            registry=self.registry,
        )
        self._pass_seconds = Histogram(
            "certwright_reconcile_duration_seconds",
            "How long passes took.",
            ["kind"],
            buckets=PASS_SECONDS,
            registry=self.registry,
        )
        self._requests = Counter(
            "certwright_api_requests",
            "Requests to the API server; code 0 means that no answer came.",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "certwright_api_request_duration_seconds",
            "How long they took.",
            ["verb", "resource"],
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )
        self._events = Counter(
            "certwright_watch_events",
            "Events about our own objects, by what they meant.",
            ["kind", "change"],
            registry=self.registry,
        )
        self.loop_lag = Gauge(
            "certwright_event_loop_lag_seconds", "How late the event loop was last.", registry=self.registry
        )

        # To look a series up by its labels costs more than to count.
        self._series_of_pass = cache(
            lambda kind, result: (self._passes.labels(kind, result), self._pass_seconds.labels(kind))
        )
        self._series_of_request = cache(
            lambda verb, resource, code: (
                self._requests.labels(verb, resource, code),
                self._request_seconds.labels(verb, resource),
            )
        )

    def passed(self, kind: str, result: str, seconds: float) -> None:
        """Count one pass."""
        counter, histogram = self._series_of_pass(kind, result)
        counter.inc()
        histogram.observe(seconds)

    def requests(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Count one request; implements `certwright.cluster.requests.RequestMetrics`."""
        counter, histogram = self._series_of_request(verb, resource, code)
        counter.inc()
        histogram.observe(seconds)

    def delivered(self, kind: str, change: str) -> None:
        """Count one event."""
        self._events.labels(kind, change).inc()

    def render(self, reading: Reading) -> bytes:
        """Write everything in the text format of Prometheus; may run in a thread."""
        return generate_latest(_Both(self.registry, self._families(reading)))

    def _families(self, reading: Reading) -> Iterator[Metric]:
        yield _single(
            "certwright_queue_depth",
            "Objects that wait for a worker, or for a take-over where another replica leads.",
            reading.depth,
        )
        yield _single("certwright_queue_running", "Objects that are worked on.", reading.running)
        yield _single("certwright_queue_delayed", "Objects that wait for an instant.", reading.delayed)
        yield _single(
            "certwright_queue_oldest_seconds", "How long the first in line has waited.", reading.oldest_seconds
        )
        yield _single("certwright_leader", "Whether this process leads.", reading.is_leader)
        yield _single("certwright_ready", "Whether /readyz says so.", reading.is_ready)
        yield _tally("certwright_watch_restarts", "Watches that had to begin anew.", "watch", reading.restarts)
        yield _tally("certwright_events", "Events about objects, by what became of them.", "result", reading.events)
        objects = GaugeMetricFamily("certwright_objects", "Objects by reason of `Ready`.", labels=["kind", "reason"])
        tally = Tally((str(key.kind), entry.reason or "None") for key, entry in reading.objects)
        for labels, count in sorted(tally.items()):
            objects.add_metric(labels, count)
        yield objects
        yield _dates(
            "certwright_crl_next_update_timestamp_seconds",
            "End of the revocation list that a RevocationSource has in use.",
            ((key, entry.next_update) for key, entry in reading.objects),
        )
        dated = [(key, entry) for key, entry in reading.objects if entry.not_after is not None]
        too_many = 2 * len(dated) > self._series
        yield _single(
            "certwright_certificate_series_suppressed",
            "1 when there are too many certificates for series of their own.",
            too_many,
        )
        if not too_many:
            yield _dates(
                "certwright_certificate_not_before_timestamp_seconds",
                "Start of validity of what is served, and of CAs that are to be trusted.",
                ((key, entry.not_before) for key, entry in dated),
            )
            yield _dates(
                "certwright_certificate_not_after_timestamp_seconds",
                "Its end; of a ClusterCertificateSet that of its first certificate to end.",
                ((key, entry.not_after) for key, entry in dated),
            )


class _Both(Collector):
    """A registry and what was made for one scrape."""

    def __init__(self, registry: CollectorRegistry, families: Iterable[Metric]) -> None:
        self._registry = registry
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        yield from self._families


def _single(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=float(value))


def _tally(name: str, words: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, words, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _dates(name: str, words: str, dates: Iterable[tuple[ObjectKey, float | None]]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=OBJECT_LABELS)
    for key, at in dates:
        if at is not None:
            family.add_metric([str(key.kind), key.namespace, key.name], at)
    return family
