"""Write down what was measured, beside what it must be."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cryptography import __version__ as cryptography_version

from tests.bench.report import Line, console, machine_facts, number


def _facts() -> dict[str, str]:
    found = machine_facts("")
    machine = found["machine"].partition(";")[0]
    return {**found, "machine": f"{machine}; one of them is used", "cryptography": cryptography_version}


@dataclass
class Report:
    """All figures of one run."""

    lines: list[Line] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=_facts)

    def __post_init__(self) -> None:
        """Leave out what this has nothing to do with."""
        self.facts.pop("Kubernetes", None)

    def say(self, text: str) -> None:
        """Say what is done now."""
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    def add(self, what: str, value: float, unit: str, *, limit: float | None = None, note: str = "") -> None:
        """Note one figure and show it at once."""
        line = Line(what, value, unit, limit, note)
        self.lines.append(line)
        target = f" (target ≤ {number(limit)} {unit}: {line.verdict})" if limit is not None else ""
        self.say(f"  {what}: {number(value)} {unit}{target}{f'; {note}' if note else ''}")

    @property
    def missed(self) -> list[str]:
        """Return what missed its target."""
        return [line.what for line in self.lines if line.met is False]

    def write(self, folder: Path) -> Path:
        """Write `validate.md` and `validate.json` and return the path of the first."""
        folder.mkdir(parents=True, exist_ok=True)
        figures = [{**asdict(line), "met": line.met} for line in self.lines]
        data = {"facts": self.facts, "figures": figures}
        (folder / "validate.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
        table = folder / "validate.md"
        table.write_text("\n".join(self._markdown()) + "\n", encoding="utf-8")
        return table

    def _markdown(self) -> Iterator[str]:
        yield "### What a verdict costs\n"
        yield from (f"- {name}: {value}" for name, value in self.facts.items())
        yield "\n| what | target | measured | verdict | how |"
        yield "| --- | --- | --- | --- | --- |"
        for line in self.lines:
            target = "" if line.limit is None else f"≤ {number(line.limit)} {line.unit}"
            yield f"| {line.what} | {target} | {number(line.value)} {line.unit} | {line.verdict} | {line.note} |"
