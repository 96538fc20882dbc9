"""What was declared is in run.json, and a reader knows every variable from there."""

import json
import pickle
from typing import Annotated

import numpy as np
import pytest

from typedxp import Array, Description, Metrics, Run, Stream, Unit, open_results
from typedxp.results.problems import ResultsWarning
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.declared import declared
from typedxp.vocabulary.records import Environment, ExperimentRef, RunRecord, RunStatus, Status


class Step:
    loss: Annotated[float, Unit("nats"), Description("mean loss")]
    epoch: int
    per_class: Array["digit"]  # noqa: F821


class Logged(Metrics):
    train: Stream[Step]
    accuracy: Annotated[float, Unit("%")]
    best: int
    note: str
    confusion: Annotated[Array["digit", "predicted"], Unit("images")]  # noqa: F821


class Builder:
    """Makes runs that declare their metrics in a store at ``path``."""

    def __init__(self, path):
        self.path = path

    def add(self, point, log, metrics=Logged, status=RunStatus.COMPLETED):
        [directory] = Store(self.path).allocate(1)
        directory.write_plan(make_record(directory, point, metrics), {})
        run = Run(directory.path, None, metrics=metrics)
        log(run)
        summaries = run.close()
        directory.write_status(Status(status, streams=summaries if status.final else {}))
        return directory


def make_record(directory: RunDirectory, point, metrics) -> RunRecord:
    return RunRecord(
        id=directory.id,
        sweep="a",
        experiment=ExperimentRef("train", None, "/home/user/train.py", "train"),
        digest="same",
        point=point,
        choices={},
        members={},
        secrets=(),
        labels={},
        overrides=(),
        command=("train.py",),
        cwd="/home/user",
        created="2026-11-20T12:00:00Z",
        environment=Environment("host", "user", "Linux", "3.13", "/usr/bin/python", "0.1.0"),
        metrics=declared(metrics) if metrics is not None else {},
    )


@pytest.fixture
def store(tmp_path):
    return Builder(tmp_path / "logs")


def log(seed):
    def into(run):
        for epoch in range(2):
            run.log(loss=seed + epoch, epoch=epoch, per_class=[seed, epoch])
        run.log(accuracy=10.0 * seed)
        run.log(best=seed)
        run.log(note=f"seed {seed}", confusion=np.full((2, 3), seed))

    return into


@pytest.fixture
def results(store):
    for seed in (1, 2):
        store.add({"seed": seed}, log(seed))
    return open_results(store.path)


def test_every_declared_metric_is_a_variable_with_its_dimensions_and_its_unit(results):
    described = {
        name: (variable.dims, variable.dtype.kind, dict(variable.attrs.items() - results.attrs.items()))
        for name, variable in results.items()
    }

    train, summary = {"stream": "train"}, {"stream": "summary"}
    assert described == {
        "train.loss": (
            ("seed", "train.step"),
            "f",
            train | {"column": "loss", "long_name": "mean loss", "units": "nats"},
        ),
        "train.epoch": (("seed", "train.step"), "i", train | {"column": "epoch"}),
        "train.per_class": (("seed", "train.step", "digit"), "f", train | {"column": "per_class"}),
        "accuracy": (("seed",), "f", summary | {"column": "accuracy", "units": "%"}),
        "best": (("seed",), "i", summary | {"column": "best"}),
        "note": (("seed",), "O", summary | {"column": "note"}),
        "confusion": (("seed", "digit", "predicted"), "f", summary | {"column": "confusion", "units": "images"}),
    }
    assert results.sizes == {"seed": 2, "train.step": 2, "digit": 2, "predicted": 3}


def test_values_are_where_they_belong(results):
    assert results["train.loss"].values.tolist() == [[1, 2], [2, 3]]
    assert results["train.per_class"].sel(seed=2).values.tolist() == [[2, 0], [2, 1]]
    assert results["accuracy"].values.tolist() == [10, 20]
    assert results["best"].values.tolist() == [1, 2]
    assert results["note"].values.tolist() == ["seed 1", "seed 2"]
    assert results["confusion"].values.tolist() == [[[1] * 3] * 2, [[2] * 3] * 2]


KEYS = [
    {"seed": 0},
    {"seed": [1, 0], "digit": 1},
    {"digit": slice(None, None, -1), "predicted": [2, 0, 0]},
    {"seed": 1, "digit": 0, "predicted": 2},
    {"predicted": []},
]


@pytest.mark.parametrize("key", KEYS)
def test_a_selection_of_arrays_is_what_it_is_of_the_loaded_ones(results, key):
    lazy = results["confusion"]

    assert lazy.isel(key).identical(lazy.copy().load().isel(key))


def test_what_was_read_can_be_pickled_and_read_by_dask_and_kept_as_netcdf(results, store, tmp_path):
    assert pickle.loads(pickle.dumps(results)).identical(results)
    assert open_results(store.path, chunks={}).compute().identical(results)
    results.to_netcdf(tmp_path / "results.nc", engine="netcdf4")


def test_arrays_are_padded_to_the_largest_and_missing_where_nothing_was_logged(store):
    store.add({"seed": 1}, lambda run: run.log(confusion=[[1, 2, 3]]))
    store.add({"seed": 2}, lambda run: run.log(confusion=[[4], [None]]))
    store.add({"seed": 3}, lambda run: run.log(confusion=[]))
    store.add({"seed": 4}, lambda run: None)
    store.add({"seed": 5}, lambda run: run.log(per_class=[7] * 3))

    results = open_results(store.path)

    nan = [[np.nan] * 3] * 3
    expected = [
        [[1, 2, 3], *nan[:2]],
        [[4, np.nan, np.nan], *nan[:2]],
        nan,
        nan,
        nan,
    ]
    # The dimension `digit` is that of per_class, too.
    np.testing.assert_array_equal(results["confusion"].values, expected)
    np.testing.assert_array_equal(results["train.per_class"].sel(seed=5).values, [[7, 7, 7]])


def test_a_killed_run_tells_its_sizes_all_the_same(store):
    store.add({"seed": 1}, log(1), status=RunStatus.RUNNING)
    store.add({"seed": 2}, log(2))

    results = open_results(store.path)

    assert results["confusion"].shape == (2, 2, 3)
    assert results["confusion"].sel(seed=1).values.tolist() == [[1] * 3] * 2


def test_what_was_declared_and_never_logged_is_missing(store):
    store.add({"seed": 1}, lambda run: None)

    results = open_results(store.path)

    assert results.sizes == {"seed": 1, "train.step": 0, "digit": 0, "predicted": 0}
    assert np.isnan(results["accuracy"].values).all()
    assert results["note"].values.tolist() == [None]
    assert results["confusion"].shape == (1, 0, 0)
    assert results["train.loss"].attrs["units"] == "nats"
    assert open_results(store.path, chunks={}).compute().identical(results)


def test_the_last_value_of_a_summary_counts(store):
    def twice(run):
        run.log(accuracy=10, best=1)
        run.log(accuracy=20)

    store.add({"seed": 1}, twice)

    results = open_results(store.path)

    assert results["accuracy"].item() == 20
    assert results["best"].item() == 1


def test_runs_from_before_the_declaration_are_read_beside_those_after_it(store):
    store.add({"seed": 1}, lambda run: run.log_metrics({"accuracy": 5, "other": 1}, "summary"), metrics=None)
    store.add({"seed": 2}, log(2))

    results = open_results(store.path)

    assert results["accuracy"].values.tolist() == [5, 20]
    assert results["summary.other"].sel(seed=1).values[0] == 1
    assert np.isnan(results["confusion"].sel(seed=1)).all()


def test_what_is_no_such_array_counts_as_missing_and_is_told(store):
    store.add({"seed": 1}, lambda run: run.log_metrics({"confusion": [[1], [1, 2]]}, "summary"), metrics=None)
    store.add({"seed": 2}, log(2))

    with pytest.warns(ResultsWarning, match="1 values of 'confusion' are not arrays with 2 dimensions"):
        values = open_results(store.path)["confusion"].values

    assert np.isnan(values[0]).all()
    assert values[1].tolist() == [[2] * 3] * 2


def test_names_that_others_have_already_give_way(store):
    class Awkward(Metrics):
        run: int
        status: int
        lr: float
        accuracy: Array["run", "accuracy", "lr_"]  # noqa: F821

    def log(run):
        run.log(run=7, status=8, lr=0.5, accuracy=[[[1.0]]])

    store.add({"lr": 0.1}, log, metrics=Awkward)
    store.add({"lr": 0.2}, log, metrics=Awkward)

    results = open_results(store.path)

    assert results["run"].values.tolist() == [1, 2]
    assert results["run_"].values.tolist() == [7, 7]
    assert results["status_"].values.tolist() == [8, 8]
    assert results["lr"].values.tolist() == [0.5, 0.5]
    assert results["accuracy"].sizes == {"lr__": 2, "run__": 1, "accuracy_": 1, "lr_": 1}


def test_units_become_axis_labels(results):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    results["train.loss"].sel(seed=1).plot.line(ax=axes)

    assert axes.get_ylabel() == "mean loss [nats]"


def test_the_machine_is_watched_beside_declared_metrics(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)

    shell("python train.py xp.monitor=0.05")

    results = open_results(tmp_path / "logs")
    assert results["accuracy"].item() == 0
    assert results["system.memory_mib"].values.min() > 1


SCRIPT = """
from typing import Annotated

import numpy as np

import typedxp


class Step:
    loss: Annotated[float, typedxp.Unit("nats"), typedxp.Description("mean loss")]
    epoch: int


class Metrics(typedxp.Metrics):
    train: typedxp.Stream[Step]
    accuracy: float
    confusion: typedxp.Array["true", "predicted"]


@typedxp.experiment
def train(run: typedxp.Run[Metrics], seed: int = 0, wrong: bool = False) -> None:
    for epoch in range(3):
        run.log(loss=np.float32(seed), epoch=epoch)
    run.log(accuracy=seed / 2, confusion=np.eye(2) * seed)
    if wrong:
        run.log(acuracy=1)


if __name__ == "__main__":
    train.main()
"""

WRITTEN = {
    "train": {
        "loss": {"dtype": "float", "dims": [], "unit": "nats", "description": "mean loss"},
        "epoch": {"dtype": "int", "dims": [], "unit": None, "description": None},
    },
    "summary": {
        "accuracy": {"dtype": "float", "dims": [], "unit": None, "description": None},
        "confusion": {"dtype": "float", "dims": ["true", "predicted"], "unit": None, "description": None},
    },
}


@pytest.mark.parametrize("how", ["", "-j 2"])
def test_the_command_line_records_what_was_declared_and_refuses_what_was_not(shell, tmp_path, how):
    (tmp_path / "train.py").write_text(SCRIPT)

    shell(f"python train.py seed=1,2 {how}")
    printed = shell(f"python train.py wrong=true xp.logs=wrong {how}", code=1)

    assert "RecordError: The metric 'acuracy' is not declared. Did you mean accuracy?" in printed
    for run in (1, 2):
        assert json.loads((tmp_path / f"logs/{run}/run.json").read_text())["metrics"] == WRITTEN
    results = open_results(tmp_path / "logs")
    assert results["accuracy"].values.tolist() == [0.5, 1.0]
    assert results["confusion"].sel(seed=2).values.tolist() == [[2, 0], [0, 2]]
    assert results["train.loss"].attrs["units"] == "nats"


def test_python_records_what_was_declared(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "sweep.py").write_text(
        "from train import train\n"
        "results = train.sweep({'seed': [1, 2]}).results()\n"
        "print(results['accuracy'].values.tolist(), results['train.loss'].attrs['units'])\n"
    )

    assert "[0.5, 1.0] nats" in shell("python sweep.py")
    assert json.loads((tmp_path / "logs/1/run.json").read_text())["metrics"] == WRITTEN
