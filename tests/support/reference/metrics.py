"""The operator's metrics."""

from prometheus_client.parser import text_string_to_metric_families

from certwright.runtime.metrics import Metrics, Reading
from tests.support.reference.page import code, page, table

INTRODUCTION = """\
Served at `/metrics` on port 8080; the component `manifests/components/metrics` puts a Service in front of it. Labels
are kind, namespace, name, reason, verb, resource and code, never text out of a certificate. Instants are absolute, in
seconds since 1970: subtract `time()` to know what is left. [Watch expiry](../how-to/monitor-expiry.md) has rules.

The usual `process_…` metrics of CPU, memory and open files are there as well."""


def write_metrics() -> str:
    """Return the page."""
    rows = [(code(name), kind, words) for name, kind, words in metric_families() if name.startswith("certwright_")]
    return page("Metrics", INTRODUCTION, table(["metric", "type", "meaning"], rows))


def metric_families() -> list[tuple[str, str, str]]:
    """Return name, type and description of every metric, as a scrape shows them."""
    reading = Reading(0, 0, 0, 0.0, is_leader=True, is_ready=True, objects=[])
    text = Metrics(certificate_series=10).render(reading).decode()
    families = text_string_to_metric_families(text)
    return [
        (f"{each.name}_total" if each.type == "counter" else each.name, each.type, each.documentation)
        for each in families
    ]
