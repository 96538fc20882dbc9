"""Owns the promises about reading: stores of many runs, made by a generator, and what their results cost."""

from __future__ import annotations

from tests.benchmarks.measure import Command, Cost, memory, told
from tests.benchmarks.promises import MB, MS, Row, at_most, faster, python, times


def _store(runs: int, records: int = 1000) -> Command:
    return python("make_store.py", f"stores/{runs}", str(runs), str(records))


def _opening(how: str, runs: int) -> Command:
    return python("open_store.py", how, f"stores/{runs}")


def _averaging(how: str, runs: int) -> Command:
    return python("mean.py", how, f"stores/{runs}")


def _one_run(how: str) -> Command:
    return python("one_run.py", how, "stores/10000")


_1_000 = (_store(1_000),)
_10_000 = (_store(10_000),)
_100_000 = (_store(100_000, records=2), _opening("again", 100_000))
_MLXP = (*_1_000, python("make_mlxp.py", "stores/1000"))
_IMPORTS = _opening("imports", 10_000)

READING = (
    Row(
        name="open",
        what="open a store of 10,000 runs for the first time",
        measured=Cost(_opening("first", 10_000), probe=told),
        against="their JSON files by orjson",
        reference=Cost(_opening("read", 10_000), probe=told),
        reaches=(at_most(2, "2 s"),),
        repeats=3,
        prepare=_10_000,
    ),
    Row(
        name="open-again",
        what="open it again",
        measured=Cost(_opening("again", 10_000), probe=told),
        against="stat of one file of each run",
        reference=Cost(_opening("stat", 10_000), probe=told),
        reaches=(at_most(0.5, "0.5 s"),),
        prepare=(*_10_000, _opening("again", 10_000)),
    ),
    Row(
        name="mean",
        what="mean over seeds, 10,000 x 1,000 steps, opening too",
        measured=Cost(_averaging("first", 10_000), probe=told),
        against="orjson and numpy on the same files",
        reference=Cost(_averaging("orjson", 10_000), probe=told),
        reaches=(times(1.5),),
        repeats=3,
        prepare=_10_000,
    ),
    Row(
        name="mean-again",
        what="the same again, once opened",
        measured=Cost(_averaging("again", 10_000), probe=told),
        against="numpy.load of one file and mean",
        reference=Cost(_averaging("npy", 10_000), probe=told),
        reaches=(times(5),),
        prepare=(*_10_000, _averaging("all-again", 10_000)),
    ),
    Row(
        name="mean-memory",
        what="largest memory of that mean with chunks={}",
        measured=Cost(_averaging("chunks-first", 10_000), less=_IMPORTS, probe=memory),
        against="without chunks",
        reference=Cost(_averaging("first", 10_000), less=_IMPORTS, probe=memory),
        reaches=(at_most(400 * MB, "400 MB"),),
        repeats=2,
        prepare=_10_000,
    ),
    Row(
        name="mean-memory-again",
        what="largest memory of it again",
        measured=Cost(_averaging("chunks-again", 10_000), less=_IMPORTS, probe=memory),
        against="without chunks",
        reference=Cost(_averaging("all-again", 10_000), less=_IMPORTS, probe=memory),
        reaches=(at_most(400 * MB, "400 MB"),),
        repeats=2,
        prepare=(*_10_000, _averaging("all-again", 10_000)),
    ),
    Row(
        name="growth",
        what="the mean for the first time, of 10,000 runs",
        measured=Cost(_averaging("first", 10_000), probe=told),
        against="of 1,000 runs",
        reference=Cost(_averaging("first", 1_000), probe=told),
        reaches=(times(12),),
        repeats=3,
        prepare=(*_1_000, *_10_000),
    ),
    Row(
        name="growth-again",
        what="the same again, opening too",
        measured=Cost(_averaging("all-again", 10_000), probe=told),
        against="of 1,000 runs",
        reference=Cost(_averaging("all-again", 1_000), probe=told),
        reaches=(times(12),),
        prepare=(*_1_000, *_10_000, _averaging("all-again", 1_000), _averaging("all-again", 10_000)),
    ),
    Row(
        name="one-run",
        what="one metric of one of 10,000 runs, the others away",
        measured=Cost(_one_run("first"), probe=told),
        against="its file by orjson",
        reference=Cost(_one_run("orjson"), probe=told),
        reaches=(at_most(20 * MS, "20 ms"),),
        repeats=3,
        prepare=_10_000,
    ),
    Row(
        name="one-run-again",
        what="the same again",
        measured=Cost(_one_run("again"), probe=told),
        against="its file by orjson",
        reference=Cost(_one_run("orjson"), probe=told),
        reaches=(at_most(20 * MS, "20 ms"),),
        prepare=(*_10_000, _averaging("all-again", 10_000)),
    ),
    Row(
        name="mean-mlxp",
        what="open 1,000 runs and average, for the first time",
        measured=Cost(_averaging("first", 1_000), probe=told),
        against="MLXP: Reader, groupby, aggregate",
        reference=Cost(_averaging("mlxp-first", 1_000), probe=told),
        reaches=(faster(20),),
        repeats=2,
        prepare=_MLXP,
        needs="mlxp",
    ),
    Row(
        name="mean-mlxp-again",
        what="the same again",
        measured=Cost(_averaging("all-again", 1_000), probe=told),
        against="MLXP: Reader, groupby, aggregate",
        reference=Cost(_averaging("mlxp-first", 1_000), probe=told),
        reaches=(faster(200),),
        repeats=2,
        prepare=(*_MLXP, _averaging("all-again", 1_000)),
        needs="mlxp",
    ),
    Row(
        name="mean-mlxp-kept",
        what="the same again, beside a database that is there",
        measured=Cost(_averaging("all-again", 1_000), probe=told),
        against="MLXP: the same, Reader(refresh=False)",
        reference=Cost(_averaging("mlxp-again", 1_000), probe=told),
        repeats=3,
        prepare=(*_MLXP, _averaging("all-again", 1_000), _averaging("mlxp-first", 1_000)),
        needs="mlxp",
    ),
    Row(
        name="open-many",
        what="open a store of 100,000 runs again",
        measured=Cost(_opening("again", 100_000), probe=told),
        against="stat of one file of each run",
        reference=Cost(_opening("stat", 100_000), probe=told),
        reaches=(at_most(4, "4 s"),),
        repeats=3,
        prepare=_100_000,
    ),
    Row(
        name="open-many-memory",
        what="largest memory of it, all told",
        measured=Cost(_opening("again", 100_000), probe=memory),
        against="the imports",
        reference=Cost(_IMPORTS, probe=memory),
        reaches=(at_most(1000 * MB, "1 GB"),),
        repeats=2,
        prepare=_100_000,
    ),
)
