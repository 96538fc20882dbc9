"""Any store, in any layout and from any state of the caches, against a slow reading of its files by json alone."""

from __future__ import annotations

import itertools
import json
import math
import random
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from typedxp import open_results
from typedxp.results.variables import arrays
from typedxp.vocabulary.records import RunStatus, Status

Key = tuple[str, ...]

VALUES: Mapping[str, Sequence[Any]] = {
    "lr": [0.1, 0.01, 1e-5],
    "seed": [0, 1, 2],
    "model.width": [16, None, 32],
    "model.name": ["a", None, "None"],
    "flag": [True, False],
    "betas": [[0.9, 0.99], [0.5, 0.9]],
    "mixed": [1, "1", True, {"a": 1}],
}
"""The keys of the configs, and what they may be; the first value is the default."""


@dataclass(frozen=True)
class Planned:
    """A run that is to be made, or made anew."""

    command: int
    point: Mapping[str, Any]
    status: RunStatus
    streams: Mapping[str, Sequence[Mapping[str, Any]]]


NUMBER = st.one_of(
    st.integers(-5, 5), st.floats(-10, 10, width=16), st.just(math.nan), st.just(math.inf), st.integers(2**62, 2**65)
)
VALUE = st.one_of(NUMBER, NUMBER, NUMBER, st.none(), st.booleans(), st.sampled_from(["x", "NaNa"]), st.just([1, 2]))
COLUMN = st.sampled_from(["loss", "acc", "n", "step", "epoch"])
STATUS = st.sampled_from([RunStatus.COMPLETED] * 4 + [RunStatus.FAILED, RunStatus.RUNNING])


@st.composite
def streams(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    made = {}
    for name in draw(st.sets(st.sampled_from(["train", "val"]))):
        count = draw(st.integers(1, 4))
        first, stride = draw(st.sampled_from([(0, 1), (0, 1), (5, 10)]))
        kind = draw(st.sampled_from(["regular", "regular", "integers", "wild"]))
        if kind == "regular":
            losses = draw(st.lists(st.floats(-10, 10, width=16), min_size=count, max_size=count))
            records = [{"epoch": first + stride * i, "loss": loss} for i, loss in enumerate(losses)]
        elif kind == "integers":
            records = [{"step": first + stride * i, "n": i * 3, "flag": i % 2 == 0} for i in range(count)]
        else:
            records = draw(st.lists(st.dictionaries(COLUMN, VALUE, min_size=1), min_size=count, max_size=count))
        made[name] = records
    return made


@st.composite
def runs(draw: st.DrawFn) -> list[Planned]:
    """Draw the runs of some commands, which sweep some keys, and repeat, leave out or extend what others did."""
    made = []
    for command in range(draw(st.integers(1, 3))):
        swept = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=3))
        axes = [draw(st.lists(st.sampled_from(range(len(VALUES[key]))), unique=True, min_size=1)) for key in swept]
        points = list(itertools.product(*axes))
        for places in draw(st.lists(st.sampled_from(points), min_size=1, max_size=6)):
            point = {key: VALUES[key][place] for key, place in zip(swept, places, strict=True)}
            made.append(Planned(command, point, draw(STATUS), draw(streams())))
    return made


def config_of(point: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for key, values in VALUES.items():
        *above, last = key.split(".")
        tree = config
        for name in above:
            tree = tree.setdefault(name, {})
        tree[last] = point.get(key, values[0])
    return config


def make(builder: Any, planned: Planned) -> None:
    config = config_of(planned.point)
    digest = json.dumps(config)
    builder.add(
        planned.point, planned.streams, planned.status, config=config, digest=digest, sweep=str(planned.command)
    )


def retry(path: Path, streams_: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Do what a retry in place does: other records in the same files, and another status."""
    shutil.rmtree(path / "metrics", ignore_errors=True)
    (path / "metrics").mkdir()
    for name, records in streams_.items():
        lines = [json.dumps({key: spelt(value) for key, value in record.items()}) + "\n" for record in records]
        (path / "metrics" / f"{name}.jsonl").write_text("".join(lines))
    attempt = json.loads((path / "status.json").read_bytes())["attempt"] + 1
    replace_status(path, Status(RunStatus.COMPLETED, attempt=attempt))


def replace_status(path: Path, status: Status) -> None:
    from typedxp.store.directory import RunDirectory

    RunDirectory(path).write_status(status)


def spelt(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return value


@dataclass(frozen=True)
class Read:
    """A run as json and YAML alone read it."""

    id: int
    status: str
    attempt: int
    command: str
    point: Mapping[str, Any]
    config: Mapping[str, Any]
    streams: Mapping[str, Sequence[Mapping[str, Any]]]

    def value(self, key: str) -> Any:
        if key in self.point:
            return self.point[key]
        value: Any = self.config
        for part in key.split("."):
            value = value[part]
        return value


def read(store: Path) -> list[Read]:
    return [read_run(path) for path in sorted(store.iterdir(), key=number_of) if number_of(path)]


def number_of(path: Path) -> int:
    return int(path.name) if path.name.isdigit() else 0


def read_run(path: Path) -> Read:
    record, status = (json.loads((path / name).read_bytes()) for name in ("run.json", "status.json"))
    config = YAML(typ="safe").load((path / "config.yaml").read_text())
    found = {
        file.stem: [json.loads(line) for line in file.read_text().splitlines()]
        for file in sorted((path / "metrics").glob("*.jsonl"))
    }
    return Read(int(path.name), status["status"], status["attempt"], record["sweep"], record["point"], config, found)


def text(value: Any) -> str:
    """Tell values apart: numbers by their size, everything else by what it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return json.dumps(value)
    return repr(float(value))


def expected_keys(found: Sequence[Read]) -> set[str]:
    """The keys that were swept, and those that differ between commands and within none."""
    swept = {key for run in found for key in run.point}
    rest = [key for key in VALUES if key not in swept]
    return swept | {key for key in rest if len({text(run.value(key)) for run in found}) > 1}


def expected_runs(found: Sequence[Read], keys: Sequence[str]) -> list[Read]:
    """Of each point the newest completed run, or else the newest."""
    points: dict[Key, Read] = {}
    for run in sorted(found, key=lambda run: (run.status == "completed", run.id)):
        points[tuple(text(run.value(key)) for key in keys)] = run
    return sorted(points.values(), key=lambda run: run.id)


def labelled(label: Any, value: Any) -> bool:
    """Tell whether a label along a dimension stands for a value."""
    if value is None:
        return str(label) in {"nan", "None"}
    if isinstance(value, bool | str):
        return (
            type(value)(label) == value
            if type(label).__name__.startswith("bool")
            else str(label).strip('"') == str(value)
        )
    return str(label) == json.dumps(value) or (isinstance(value, int | float) and float(label) == value)


def cells(dataset: xarray.Dataset) -> Iterator[tuple[int, tuple[int, ...]]]:
    for place in np.ndindex(*dataset["run"].shape):
        yield int(dataset["run"].values[place]), place


def check(dataset: xarray.Dataset, shown: Sequence[Read], keys: Sequence[str]) -> None:
    """Compare every cell, label and coordinate with what the files hold."""
    by_id = {run.id: run for run in shown}
    dims = {dataset[name].attrs["key"]: name for name in dataset.coords if dataset[name].attrs.get("key") in VALUES}
    assert set(dims) == set(keys)
    assert sorted(number for number, _ in cells(dataset) if number >= 0) == sorted(by_id)
    shared = dataset["run"].dims
    for number, place in cells(dataset):
        run = by_id.get(number)
        assert dataset["status"].values[place] == (run.status if run else "missing")
        assert dataset["attempt"].values[place] == (run.attempt if run else 0)
        for key in keys if run else ():
            label = dataset[dims[key]]
            at = tuple(place[shared.index(dim)] for dim in label.dims)
            assert labelled(label.values[at], run.value(key)), (key, label.values[at], run.value(key))
    check_metrics(dataset, by_id)


def check_metrics(dataset: xarray.Dataset, by_id: Mapping[int, Read]) -> None:
    columns = {
        (name, key) for run in by_id.values() for name, records in run.streams.items() for row in records for key in row
    }
    counting = {
        name
        for name in dataset.dims
        if dataset.coords.get(name) is not None and dataset[name].attrs.get("key") == "step"
    }
    shown = {(array.attrs["stream"], array.attrs["column"]) for array in dataset.values()}
    # What only counts, and has nothing to count, is not shown.
    alone = {(name, "step") for name, _ in columns if {key for other, key in columns if other == name} == {"step"}}
    assert columns - shown - alone == {(str(name).removesuffix(".step"), "step") for name in counting}
    assert shown <= columns
    for name, array in dataset.items():
        assert array.dims[:-1] == dataset["run"].dims
        assert array.dims[-1] == f"{array.attrs['stream']}.step"
        for number, place in cells(dataset):
            records = by_id[number].streams.get(array.attrs["stream"], []) if number >= 0 else []
            logged = [record.get(array.attrs["column"]) for record in records]
            expected = logged + [None] * (array.shape[-1] - len(logged))
            got = array.values[place].tolist()
            assert len(got) == len(expected)
            assert all(map(same, got, expected)), (name, number, got, expected)
    check_steps(dataset, by_id.values())


def same(got: Any, logged: Any) -> bool:
    if logged in ("NaN", "Infinity", "-Infinity") and isinstance(got, float):
        logged = float(logged)
    if logged is None:
        return got is None or (isinstance(got, float) and math.isnan(got))
    if isinstance(logged, float) and math.isnan(logged):
        return isinstance(got, float) and math.isnan(got)
    if isinstance(logged, int) and not isinstance(logged, bool) and isinstance(got, float):
        return got == float(logged)
    return bool(got == logged)


def check_steps(dataset: xarray.Dataset, shown: Any) -> None:
    for dim in dataset.dims:
        if not str(dim).endswith(".step") or dim not in dataset.coords:
            continue
        name, key = str(dim).removesuffix(".step"), dataset[dim].attrs.get("key")
        values = dataset[dim].values.tolist()
        logged = [run.streams[name] for run in shown if name in run.streams]
        if key is None:
            assert values == list(range(max(map(len, logged))))
        for records in logged if key is not None else ():
            assert [record[key] for record in records] == values[: len(records)]


def ways(store: Path) -> None:
    """Open a store in the layouts that need the same runs, and check each."""
    found = read(store)
    keys = sorted(expected_keys(found))
    shown = expected_runs(found, keys)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(open_results(store, layout="grid").load(), shown, keys)
        check(open_results(store, layout="runs"), shown, keys)
        check(open_results(store, chunks={}).compute(scheduler="synchronous"), shown, keys)
        check(open_results(store, layout="runs", duplicates="all"), found, keys)


def damage(caches: Path, rng: random.Random) -> None:
    """Damage some of the files of the caches: cut them off, empty them, or put others in their place."""
    files = [path for path in sorted(caches.rglob("*")) if path.is_file() and not path.name.startswith("last_id")]
    others = {path: path.read_bytes() for path in files}
    for path in rng.sample(files, k=rng.randint(0, len(files))):
        data = path.read_bytes()
        kind = rng.choice(["cut", "empty", "other", "gone", "folder"])
        path.unlink()
        if kind == "cut":
            path.write_bytes(data[: rng.randrange(len(data) + 1)])
        elif kind == "empty":
            path.touch()
        elif kind == "other":
            path.write_bytes(others[rng.choice(files)])
        elif kind == "folder":
            path.mkdir()


@pytest.fixture
def packing(monkeypatch):
    """Pack even the smallest reading."""
    monkeypatch.setattr(arrays, "_WORTH_PACKING", 1)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(planned=runs(), again=runs(), seed=st.integers(0, 2**16))
def test_every_cell_is_what_the_files_hold(builders, packing, planned, again, seed):
    rng = random.Random(seed)
    builder = builders()
    for run in planned:
        make(builder, run)
    for _ in ("from the files", "from the caches"):
        ways(builder.path)
    damage(builder.path / ".typedxp", rng)
    ways(builder.path)
    for run in again:
        changed = rng.choice([path for path in builder.path.iterdir() if number_of(path)])
        if rng.random() < 0.5:
            retry(changed, run.streams)
        else:
            make(builder, run)
        if rng.random() < 0.2:
            shutil.rmtree(changed)
            make(builder, run)
        ways(builder.path)


@pytest.fixture
def builders(tmp_path_factory, store):
    """Make builders of new stores."""
    return lambda: type(store)(tmp_path_factory.mktemp("store") / "logs")


def variants(store, options, stream=({"loss": 1.0},), other=None):
    """Make two runs for each of two options, each of which has a key of its own."""
    for place, (option, key) in enumerate(zip(options, ("momentum", "beta"), strict=True)):
        for value in (1, 2):
            records = other if place and other is not None else stream
            point = {"optimizer": option, f"optimizer.{key}": value}
            config = {"optimizer": {key: value}}
            store.add(point, records, config=config, choices={"optimizer": option}, digest=f"{place}{value}")


@pytest.mark.parametrize(
    "options",
    [
        ("sgd", "adam"),
        ("a/b", "a_b"),
        (None, "None"),
        ("..", "adam"),
        (".", "adam"),
        ("", "adam"),
    ],
    ids=str,
)
def test_every_option_has_a_node_of_its_own(store, options):
    variants(store, options)

    tree = open_results(store.path, layout="tree")

    assert len(tree.children) == 2
    found = sorted(number for node in tree.children.values() for number in node["run"].values.ravel().tolist())
    assert found == [1, 2, 3, 4]


def test_metrics_with_slashes_in_their_names_are_in_trees_too(store):
    variants(store, ("sgd", "adam"), [{"loss/train": 1.0}])

    tree = open_results(store.path, layout="tree")

    columns = {array.attrs["column"] for node in tree.children.values() for array in node.data_vars.values()}
    assert columns == {"loss/train"}


def test_a_tree_is_aligned_where_there_is_something_to_align(store):
    variants(store, ("sgd", "adam"), [{"epoch": 3, "loss": 1.0}], [{"loss": 2.0}])

    tree = open_results(store.path, layout="tree", align="epoch")

    assert tree["sgd"]["train.step"].values.tolist() == [3]
    assert tree["adam"]["train.loss"].values.tolist() == [[2.0], [2.0]]


def test_the_nodes_of_a_tree_hold_what_the_grid_holds(store):
    for seed in range(2):
        for option, key in (("sgd", "momentum"), ("adam", "beta")):
            for value in (1, 2):
                point = {"optimizer": option, f"optimizer.{key}": value, "seed": seed}
                store.add(
                    point,
                    [{"loss": value + seed / 2}],
                    choices={"optimizer": option},
                    config={"optimizer": {key: value}},
                )

    tree = open_results(store.path, layout="tree")

    means = tree.mean("seed")
    assert dict(tree["sgd"].sizes) == {"momentum": 2, "seed": 2, "train.step": 1}
    for option in ("sgd", "adam"):
        assert means[option]["train.loss"].values.ravel().tolist() == [1.25, 2.25]
    assert tree["adam"]["run"].transpose("beta", "seed").values.tolist() == [[3, 7], [4, 8]]


def test_a_key_that_follows_from_what_was_swept_is_that_of_each_run(store):
    for mode, decay in zip("abc", (0, 1, 0), strict=True):
        store.add({"mode": mode}, config={"mode": mode, "decay": decay}, digest=mode)

    results = open_results(store.path, dims=["mode", "decay"], layout="runs")

    assert results["decay"].values.tolist() == [0, 1, 0]


FACTS = [
    "status",
    "directory",
    "command",
    "digest",
    "labels",
    "cwd",
    "tags",
    "attempt",
    "created",
    "experiment",
    "wall",
]


@pytest.mark.parametrize(
    "key", [*FACTS, "metrics", "environment.user", "code.branch", "point", "run", "repeat", "config"]
)
def test_a_swept_key_called_like_a_fact_of_runs_keeps_its_values(store, key):
    for value in (10, 20):
        store.add({key: value}, [{"loss": float(value)}], digest=str(value))

    results = open_results(store.path)

    [dim] = (dim for dim in results.dims if dim != "train.step")
    assert results[dim].values.tolist() == [10, 20]
    assert results["train.loss"].values.tolist() == [[10], [20]]
