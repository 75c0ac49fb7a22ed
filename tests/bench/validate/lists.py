"""Long revocation lists: reading them, looking a certificate up, and the largest that is read at all."""

import itertools
import multiprocessing
import os
import time
from functools import partial

from certwright.pki.crl import RevocationList
from certwright.validation import Limits, Options, Revocation, Role, validate
from tests.bench.cost import memory_mib
from tests.bench.validate.clock import measure
from tests.bench.validate.report import Report
from tests.support.long_lists import long_list
from tests.support.pki import NOW, PKI

_ENTRIES = 100_000
_LOOKUPS = 20_000
_LARGEST = 32 << 20
_ENTRY_BYTES = 27


def measure_lists(report: Report) -> None:
    """Measure a list of a hundred thousand entries."""
    report.say(f"a revocation list of {_ENTRIES:,} entries")
    root = PKI().root("Bench Root")
    data, serials = long_list(root, _ENTRIES)
    building = measure(partial(RevocationList.from_der, data), 9)
    report.add(
        "read and index",
        building.median * 1e3,
        "ms",
        limit=150,
        note=f"{len(data) >> 10} KiB; at best {building.least * 1e3:.0f} ms",
    )
    crl, issuer = RevocationList.from_der(data), root.certificate.subject
    for what, numbers, listed, limit in (
        ("look a certificate up that is not listed", [serial + 1 for serial in serials], False, 1.0),
        ("look a certificate up that is listed", serials, True, None),
    ):
        chosen = list(itertools.islice(itertools.cycle(numbers[:: len(numbers) // 997]), _LOOKUPS))
        if any((crl.find(serial, issuer) is not None) is not listed for serial in chosen[:997]):
            raise AssertionError(what)
        timing = measure(lambda chosen=chosen: [crl.find(serial, issuer) for serial in chosen], 9)  # type: ignore[misc]
        report.add(
            what,
            timing.median / _LOOKUPS * 1e6,
            "µs",
            limit=limit,
            note=f"mean of {_LOOKUPS:,}; at best {timing.least / _LOOKUPS * 1e6:.2g} µs",
        )
    verify = measure(lambda: root.certificate.public_key.verifies(crl.signature, crl.tbs, crl.signature_algorithm), 9)
    report.add("verify its signature", verify.median * 1e3, "ms")


def measure_worst_list(report: Report) -> None:
    """Measure, in a process of its own, a verdict with the largest list that is read."""
    report.say(f"a revocation list of {_LARGEST >> 20} MiB")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        size, entries, seconds, mebibytes = pool.apply(judge_largest, (Limits(),))
    report.add("a verdict with it", seconds, "s", limit=5, note=f"{size / 2**20:.1f} MiB, {entries:,} entries")
    report.add("peak memory of the process", mebibytes, "MiB", limit=500)


def judge_largest(limits: Limits) -> tuple[int, int, float, float]:
    """Judge a certificate with the largest list; return its bytes and entries, CPU seconds and peak memory in MiB."""
    root = PKI().root("Bench Root")
    leaf = root.issue_leaf("shop.example.com").certificate
    data, serials = long_list(root, (_LARGEST - 1024) // _ENTRY_BYTES)
    started = time.process_time()
    verdict = validate(
        leaf,
        intermediates=(),
        anchors=[root.certificate],
        crls=[RevocationList.from_der(data)],
        at=NOW,
        role=Role.SERVER,
        options=Options(revocation=Revocation.REQUIRE, limits=limits),
    )
    seconds = time.process_time() - started
    if not verdict.is_valid:
        raise AssertionError(verdict.findings)
    # Of this program alone: `ru_maxrss` begins with the peak of the process that started it.
    return len(data), len(serials), seconds, memory_mib(os.getpid(), "VmHWM")
