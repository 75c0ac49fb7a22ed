"""Write down what was measured, beside what it must be."""

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

CONTEXT = "for comparison"
console = Console()


@dataclass(frozen=True)
class Line:
    """One figure.

    Attributes:
        value: the figure, in `unit`.
        limit: what it may be at most; `None` when the figure stands for itself.
        note: how it was measured, or what else belongs to it.
    """

    what: str
    value: float
    unit: str
    limit: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Say whether the target was met, `None` when there is none."""
        return None if self.limit is None else self.value <= self.limit

    @property
    def verdict(self) -> str:
        """Say it in words."""
        if self.limit is None:
            return CONTEXT
        if self.value <= self.limit:
            return "met"
        if self.limit == 0:
            return f"**missed**: {number(self.value)} too many"
        return f"**missed** by {(self.value / self.limit - 1) * 100:.0f} %"


@dataclass
class Report:
    """All figures of one run."""

    objects: int
    lines: list[Line] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    def add(self, what: str, value: float, unit: str, *, limit: float | None = None, note: str = "") -> None:
        """Note one figure and show it at once."""
        line = Line(what, value, unit, limit, note)
        self.lines.append(line)
        target = f" (target ≤ {number(limit)} {unit}: {line.verdict})" if limit is not None else ""
        said = f"  {what}: {number(value)} {unit}{target}{f'; {note}' if note else ''}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)

    @property
    def missed(self) -> list[str]:
        """Return what missed its target."""
        return [line.what for line in self.lines if line.met is False]

    def write(self, folder: Path) -> Path:
        """Write `<objects>.md` and `<objects>.json` and return the path of the first."""
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            "objects": self.objects,
            "facts": self.facts,
            "figures": [{**asdict(line), "met": line.met} for line in self.lines],
        }
        (folder / f"{self.objects}.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
        table = folder / f"{self.objects}.md"
        table.write_text("\n".join(self._markdown()) + "\n", encoding="utf-8")
        return table

    def _markdown(self) -> Iterator[str]:
        yield f"### {self.objects:,} objects\n"
        yield from (f"- {name}: {value}" for name, value in self.facts.items())
        yield "\n| what | target | measured | verdict | how |"
        yield "| --- | --- | --- | --- | --- |"
        for line in self.lines:
            target = "" if line.limit is None else f"≤ {number(line.limit)} {line.unit}"
            yield f"| {line.what} | {target} | {number(line.value)} {line.unit} | {line.verdict} | {line.note} |"


def number(value: float) -> str:
    """Write a figure with three significant digits, or whole when it is whole or large."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def machine_facts(kubernetes: str) -> dict[str, str]:
    """Return what figures depend on."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = next(
        int(line.split()[1]) / 2**20
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("MemTotal")
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} processors, {processor}, {memory:.0f} GiB; control plane and operator share it",
        "Kubernetes": kubernetes,
        "Python": platform.python_version(),
    }
