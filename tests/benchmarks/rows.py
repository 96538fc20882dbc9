"""Owns the promises about speed and memory: a table of what is measured, beside what, and how far it must reach."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.measure import Command, Cost, cpu, memory, until_first_line

MS = 1e-3
MB = 1e6


@dataclass(frozen=True)
class Reach:
    """A promise about a figure and its reference."""

    text: str
    is_met: Callable[[float, float], bool]


@dataclass(frozen=True)
class Row:
    """A pair that is measured together. One without a reach is there to be looked at."""

    name: str
    what: str
    measured: Cost
    against: str
    reference: Cost
    reaches: tuple[Reach, ...] = ()
    repeats: int = 5
    prepare: Command | None = None
    needs: str = "typedxp"
    """The module without which the row is left out."""


def at_most(limit: float, text: str) -> Reach:
    """Promise an absolute limit, in seconds or bytes."""
    return Reach(f"<= {text}", lambda measured, _: measured <= limit)


def at_most_over(limit: float, text: str) -> Reach:
    """Promise a limit to what is added to the reference, in seconds or bytes."""
    return Reach(f"<= {text} over", lambda measured, reference: measured - reference <= limit)


def times(factor: float) -> Reach:
    """Promise a limit to the ratio."""
    return Reach(f"<= {factor:g} x", lambda measured, reference: measured <= factor * reference)


def faster(factor: float) -> Reach:
    """Promise a speed of so many times the reference's."""
    return Reach(f">= {factor:g} x faster", lambda measured, reference: measured * factor <= reference)


def _python(*arguments: str) -> Command:
    return (sys.executable, *arguments)


_BARE_PYTHON = Cost(_python("-c", "pass"))
_ONE_POINT = _python("union.py", "-n", "optimizer=sgd", "optimizer.lr=0.001", "seed=0")
_10_000_POINTS = _python(
    "union.py", "-n", "optimizer=sgd,adam", "optimizer.lr=0.001,0.01,0.1,1", "seed=range(1250)", "xp.max_runs=10000"
)


# A run that completed is not executed again: it is made one that was only planned.
_PLANNED = """echo '{"format": 1, "status": "planned"}' > logs/1/status.json; exec "$0" "$@\""""
_WORKER = ("sh", "-c", _PLANNED, *_python("-m", "typedxp.worker", "logs/1"))


def _logging(how: str, records: int) -> Cost:
    return Cost(_python("log.py", how, str(records)), less=_python("log.py", how, "1"), units=records - 1)


def _saving(how: str) -> Cost:
    return Cost(_python("artifact.py", how, "3"), less=_python("artifact.py", how, "1"), units=2)


ROWS = (
    Row(
        name="plan",
        what="plan and validate one of 10,000 points, beyond start-up",
        measured=Cost(_10_000_POINTS, less=_ONE_POINT, units=10_000 - 1),
        against="hydra.compose",
        reference=Cost(_python("compose.py", "31"), less=_python("compose.py", "1"), units=30),
        reaches=(at_most(1 / 10_000, "1 s for all"), faster(100)),
    ),
    Row(
        name="script",
        what="a script with one trivial run, git recorded",
        measured=Cost(_python("trivial.py")),
        against="bare hydra.main that imports hydra_zen",
        reference=Cost(_python("bare_hydra.py")),
        reaches=(times(1.3),),
        repeats=15,
    ),
    Row(
        name="run",
        what="each further trivial run in the same process",
        measured=Cost(_python("trivial.py", "seed=range(151)"), less=_python("trivial.py", "seed=0"), units=150),
        against="hydra -m, per job",
        reference=Cost(
            _python("bare_hydra.py", "-m", "+seed=range(11)"), less=_python("bare_hydra.py", "-m", "+seed=0"), units=10
        ),
        reaches=(at_most(3 * MS, "3 ms"), faster(30)),
        # Short and often: what others do to the disk would spoil any long sweep.
        repeats=12,
    ),
    Row(
        name="log",
        what="log_metrics with 4 scalars",
        measured=_logging("typedxp", 300_000),
        against="orjson + os.write",
        reference=_logging("bare", 300_000),
        reaches=(times(3),),
    ),
    Row(
        name="log-typed",
        what="the same with declared metrics",
        measured=_logging("typed", 300_000),
        against="log_metrics, undeclared",
        reference=_logging("typedxp", 300_000),
        reaches=(times(2),),
    ),
    Row(
        name="log-mlxp",
        what="the same by MLXP",
        measured=_logging("mlxp", 20_000),
        against="orjson + os.write",
        reference=_logging("bare", 300_000),
        needs="mlxp",
    ),
    Row(
        name="help",
        what="typedxp --help",
        measured=Cost(_python("-m", "typedxp", "--help")),
        against="python -c pass",
        reference=_BARE_PYTHON,
        reaches=(at_most_over(150 * MS, "150 ms"),),
        repeats=10,
    ),
    Row(
        name="worker",
        what="start of a worker to the first line of the function",
        measured=Cost(_WORKER, probe=until_first_line),
        against="python -c pass",
        reference=_BARE_PYTHON,
        reaches=(at_most_over(150 * MS, "150 ms"),),
        repeats=10,
        prepare=_python("first_line.py"),
    ),
    Row(
        name="artifact",
        what="an array of 100 MB as an artifact",
        measured=_saving("typedxp"),
        against="numpy.save + fsync",
        reference=_saving("bare"),
        reaches=(times(1.3),),
    ),
    Row(
        name="output",
        what="a run that prints 100,000 lines, captured",
        measured=Cost(_python("output.py", "lines=100000")),
        against="the same with xp.capture=false",
        reference=Cost(_python("output.py", "lines=100000", "xp.capture=false")),
        reaches=(times(1.05),),
        repeats=15,
    ),
    Row(
        name="monitor",
        what="CPU time of xp.monitor=1, for each second",
        measured=Cost(_python("monitor.py", "on", "11"), less=_python("monitor.py", "on", "1"), units=10, probe=cpu),
        against="the same without",
        reference=Cost(_python("monitor.py", "off", "11"), less=_python("monitor.py", "off", "1"), units=10, probe=cpu),
        reaches=(at_most(5 * MS, "0.5 % of a core"),),
        repeats=2,
        needs="psutil",
    ),
    Row(
        name="memory",
        what="largest memory of a launcher of 10,000 points",
        measured=Cost(_10_000_POINTS, probe=memory),
        against="bare hydra.main that imports hydra_zen",
        reference=Cost(_python("bare_hydra.py"), probe=memory),
        reaches=(at_most(150 * MB, "150 MB"),),
        repeats=2,
    ),
)
