"""Measure what is promised: `python -m tests.benchmarks [ROW ...] [--json FILE]`; exit with 1 if a reach is missed."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import compare, execute, memory
from tests.benchmarks.promises import Row
from tests.benchmarks.rows import ROWS

PROGRAMS = Path(__file__).parent / "programs"
WIDTHS = (54, 9, 49, 9, 30)


@dataclass(frozen=True)
class Figures:
    """What was measured for one row: two costs, in seconds or bytes."""

    row: Row
    measured: float
    reference: float

    @property
    def ok(self) -> bool:
        """Whether every reach is met."""
        return all(reach.is_met(self.measured, self.reference) for reach in self.row.reaches)

    @property
    def reach(self) -> str:
        """What was promised."""
        return ", ".join(reach.text for reach in self.row.reaches)

    def line(self) -> tuple[str, ...]:
        """Return the cells of the printed table."""
        ratio = self.measured / self.reference
        shown = self.row.measured.probe is memory
        return (
            self.row.what,
            _spell(self.measured, memory=shown),
            f"{_spell(self.reference, memory=shown)}  {self.row.against}",
            f"{ratio:.2f}" if ratio >= 0.1 else f"1/{1 / ratio:.0f}",
            self.reach,
            ("ok" if self.ok else "MISSED") if self.row.reaches else "",
        )

    def document(self) -> dict[str, Any]:
        """Return the figures to keep, in seconds or bytes."""
        unit = "bytes" if self.row.measured.probe is memory else "seconds"
        return {
            "what": self.row.what,
            "unit": unit,
            "measured": self.measured,
            "against": self.row.against,
            "reference": self.reference,
            "ratio": self.measured / self.reference,
            "reach": self.reach,
            "ok": self.ok,
        }


def main() -> int:
    """Measure the rows that were asked for, print each as soon as it is known, and return the exit code."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"measure these only: {', '.join(names)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in this file")
    asked = parser.parse_args()
    if unknown := set(asked.rows) - set(names):
        parser.error(f"there is no row called {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    load = os.getloadavg()[0]
    if load > (os.cpu_count() or 1) / 2:
        print(
            f"Others keep this machine busy (load {load:.1f}): wall times, and ratios of them, will vary.",
            file=sys.stderr,
        )
    _print(("what", "measured", "reference", "ratio", "reach", ""))
    # What rows prepare in here, those after them find.
    with tempfile.TemporaryDirectory() as stores:
        found = [_measured(row, Path(stores)) for row in ROWS if _is_wanted(row, asked.rows)]
    if asked.json is not None:
        asked.json.write_text(json.dumps(_document(found, load), indent=2) + "\n", encoding="utf-8")
    return 0 if all(figures.ok for figures in found) else 1


def _is_wanted(row: Row, names: list[str]) -> bool:
    there = importlib.util.find_spec(row.needs) is not None and all(map(shutil.which, row.commands))
    return (not names or row.name in names) and there


def _measured(row: Row, stores: Path) -> Figures:
    with _repository() as place:
        (place / "stores").symlink_to(stores)
        for command in row.prepare:
            execute(command, place)
        figures = Figures(row, *compare([row.measured, row.reference], row.repeats, place))
    _print(figures.line())
    return figures


@contextmanager
def _repository() -> Iterator[Path]:
    """Make a git repository of a common size around the programs, for a user has one."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        shutil.copytree(PROGRAMS, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (place / ".gitignore").write_text("__pycache__/\nlogs/\noutputs/\nmultirun/\n*_reached\nseconds\nstores\n")
        for number in range(200):
            file = place / f"package_{number % 10}" / f"module_{number}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"NUMBER = {number}\n")
        for command in ("init", "add .", "-c user.name=A -c user.email=a@example.org commit -m programs"):
            subprocess.run(["git", *command.split()], cwd=place, check=True, capture_output=True)
        yield place


def _print(cells: tuple[str, ...]) -> None:
    padded = (cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=False))
    print("  ".join((*padded, cells[-1])).rstrip(), flush=True)


def _spell(figure: float, *, memory: bool) -> str:
    if memory:
        return f"{figure / 1e6:.0f} MB"
    unit, factor = ("us", 1e6) if figure < 1e-3 else ("ms", 1e3) if figure < 1 else ("s", 1)
    return f"{figure * factor:.3g} {unit}"


def _document(found: list[Figures], load: float) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "load_before": load,
        "rows": {figures.row.name: figures.document() for figures in found},
    }


if __name__ == "__main__":
    sys.exit(main())
