"""Owns the table of promises about speed and memory."""

from __future__ import annotations

from dataclasses import replace

from tests.benchmarks.checkouts import CHECKOUTS
from tests.benchmarks.clusters import CLUSTERS
from tests.benchmarks.measure import Cost, cpu, memory, until
from tests.benchmarks.promises import BARE_PYTHON, MB, MS, Row, at_most, at_most_over, faster, python, times
from tests.benchmarks.reading import READING
from tests.benchmarks.snapshots import SNAPSHOTS

_ONE_POINT = python("union.py", "-n", "optimizer=sgd", "optimizer.lr=0.001", "seed=0")
_10_000_POINTS = python(
    "union.py", "-n", "optimizer=sgd,adam", "optimizer.lr=0.001,0.01,0.1,1", "seed=range(1250)", "xp.max_runs=10000"
)


# A run that completed is not executed again: it is made one that was only planned.
_PLANNED = """echo '{"format": 1, "status": "planned"}' > logs/1/status.json; exec "$0" "$@\""""
_WORKER = ("sh", "-c", _PLANNED, *python("-m", "typedxp.worker", "logs/1"))
_WORKER_ROW = Row(
    name="worker",
    what="start of a worker to the first line of the function",
    measured=Cost(_WORKER, probe=until("function_reached")),
    against="python -c pass",
    reference=BARE_PYTHON,
    reaches=(at_most_over(150 * MS, "150 ms"),),
    repeats=10,
    prepare=(python("first_line.py"),),
)


def _logging(how: str, records: int) -> Cost:
    return Cost(python("log.py", how, str(records)), less=python("log.py", how, "1"), units=records - 1)


def _saving(how: str) -> Cost:
    return Cost(python("artifact.py", how, "3"), less=python("artifact.py", how, "1"), units=2)


ROWS: tuple[Row, ...] = (
    Row(
        name="plan",
        what="plan and validate one of 10,000 points, beyond start-up",
        measured=Cost(_10_000_POINTS, less=_ONE_POINT, units=10_000 - 1),
        against="hydra.compose",
        reference=Cost(python("compose.py", "31"), less=python("compose.py", "1"), units=30),
        reaches=(at_most(1 / 10_000, "1 s for all"), faster(100)),
    ),
    Row(
        name="script",
        what="a script with one trivial run, git recorded",
        measured=Cost(python("trivial.py")),
        against="bare hydra.main that imports hydra_zen",
        reference=Cost(python("bare_hydra.py")),
        reaches=(times(1.3),),
        repeats=15,
    ),
    Row(
        name="run",
        what="each further trivial run in the same process",
        measured=Cost(python("trivial.py", "seed=range(151)"), less=python("trivial.py", "seed=0"), units=150),
        against="hydra -m, per job",
        reference=Cost(
            python("bare_hydra.py", "-m", "+seed=range(11)"), less=python("bare_hydra.py", "-m", "+seed=0"), units=10
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
        measured=Cost(python("-m", "typedxp", "--help")),
        against="python -c pass",
        reference=BARE_PYTHON,
        reaches=(at_most_over(150 * MS, "150 ms"),),
        repeats=10,
    ),
    _WORKER_ROW,
    replace(
        _WORKER_ROW,
        name="worker-file",
        what="start of a worker to the first line of the user's file",
        measured=Cost(_WORKER, probe=until("file_reached")),
    ),
    replace(
        _WORKER_ROW,
        name="worker-by-hand",
        against="pydantic and PyYAML read the config",
        reference=Cost(python("by_hand.py"), probe=until("function_reached")),
        reaches=(times(2),),
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
        measured=Cost(python("output.py", "lines=100000")),
        against="the same with xp.capture=false",
        reference=Cost(python("output.py", "lines=100000", "xp.capture=false")),
        reaches=(times(1.05),),
        repeats=15,
    ),
    Row(
        name="monitor",
        what="CPU time of xp.monitor=1, for each second",
        measured=Cost(python("monitor.py", "on", "11"), less=python("monitor.py", "on", "1"), units=10, probe=cpu),
        against="the same without",
        reference=Cost(python("monitor.py", "off", "11"), less=python("monitor.py", "off", "1"), units=10, probe=cpu),
        reaches=(at_most(5 * MS, "0.5 % of a core"),),
        repeats=2,
        needs="psutil",
    ),
    Row(
        name="memory",
        what="largest memory of a launcher of 10,000 points",
        measured=Cost(_10_000_POINTS, probe=memory),
        against="bare hydra.main that imports hydra_zen",
        reference=Cost(python("bare_hydra.py"), probe=memory),
        reaches=(at_most(150 * MB, "150 MB"),),
        repeats=2,
    ),
    *READING,
    *SNAPSHOTS,
    *CHECKOUTS,
    *CLUSTERS,
)
