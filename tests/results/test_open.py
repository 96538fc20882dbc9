import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import pytest
import xarray

from typedxp import open_results
from typedxp.results.backend import RunStoreBackend
from typedxp.results.problems import ResultsWarning
from typedxp.store import verifications
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.records import Label, RunStatus
from typedxp.vocabulary.verification import Outcome, Verification
from typedxp.vocabulary.version import VERSION

HEAVY = {"dask", "netCDF4", "numpy", "pandas", "xarray"}


def test_the_name_loads_nothing_heavy():
    code = "import sys; from typedxp import open_results; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert HEAVY.isdisjoint(loaded.split())


def test_what_was_swept_are_the_dimensions_in_the_order_of_the_sweep(grid):
    results = open_results(grid.path)

    assert results["train.loss"].dims == ("lr", "seed", "train.step")
    assert results["lr"].values.tolist() == [0.1, 0.01]
    assert results["seed"].values.tolist() == [0, 1, 2]
    assert results["train.step"].values.tolist() == [0, 1]
    assert results.attrs == {
        "experiment": "train",
        "store": str(grid.path),
        "runs": "1-6",
        "versions": "unknown: 1-6",
        "typedxp": VERSION,
    }


def test_the_mean_over_seeds_is_one_word(grid):
    mean = open_results(grid.path)["train.loss"].mean("seed")

    np.testing.assert_allclose(mean.sel(lr=0.1), [11, 10])
    np.testing.assert_allclose(mean.sel(lr=0.01), [2, 1])


def test_every_point_tells_its_run_and_its_status(grid):
    results = open_results(grid.path)

    assert results["run"].values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert set(results["status"].values.flat) == {"completed"}
    assert int(results.sel(lr=0.01, seed=1)["run"]) == 5


def test_a_dimension_tells_its_key_its_description_and_its_unit(store):
    store.add({"optimizer.lr": 0.1}, labels={"optimizer.lr": Label("step size", "1/s")})
    store.add({"optimizer.lr": 0.2})

    assert open_results(store.path)["lr"].attrs == {"key": "optimizer.lr", "long_name": "step size", "units": "1/s"}


def test_a_missing_point_is_nan_and_says_so(grid):
    shutil.rmtree(grid.path / "5")

    results = open_results(grid.path)

    assert results.sel(lr=0.01, seed=1)["train.loss"].isnull().all()
    assert int(results.sel(lr=0.01, seed=1)["run"]) == -1
    assert str(results.sel(lr=0.01, seed=1)["status"].values) == "missing"
    assert not results.sel(lr=0.1)["train.loss"].isnull().any()


def test_only_the_runs_that_are_selected_are_read(grid):
    results = open_results(grid.path)
    for run in (1, 2, 3, 4, 6):
        shutil.rmtree(grid.path / str(run))

    assert results["train.loss"].sel(lr=0.01, seed=1).values.tolist() == [2, 1]


def test_only_the_streams_that_are_selected_are_read(store):
    run = store.add({}, {"train": [{"loss": 1.0}], "test": [{"loss": 2.0}, {"loss": 3.0}]})
    results = open_results(store.path)
    run.stream("train").unlink()

    assert results["test.loss"].values.tolist() == [2, 3]
    assert results.sizes == {"train.step": 1, "test.step": 2}


def test_opening_reads_no_metrics_of_finished_runs_and_no_configs(grid):
    for path in grid.path.glob("*/metrics/train.jsonl"):
        path.write_bytes(b"?" * path.stat().st_size)
    for path in grid.path.glob("*/config.yaml"):
        path.write_text("{")

    assert open_results(grid.path).sizes == {"lr": 2, "seed": 3, "train.step": 2}


def test_a_run_without_a_summary_is_summed_up_when_opening(store):
    store.add({"seed": 0}, [{"loss": 1.0}])
    killed = store.add({"seed": 1}, [{"loss": 2.0}, {"loss": 3.0}, {"note": "last words"}], RunStatus.RUNNING)
    with killed.stream("train").open("ab") as file:
        file.write(b'{"loss": 4.')

    results = open_results(store.path)

    np.testing.assert_array_equal(results["train.loss"], [[1, np.nan, np.nan], [2, 3, np.nan]])
    assert results["train.note"].values[1].tolist() == [None, None, "last words"]
    assert results["status"].values.tolist() == ["completed", "running"]


def test_a_summary_that_does_not_fit_its_file_is_not_believed(store):
    run = store.add({}, [{"loss": 1.0}])
    with run.stream("train").open("ab") as file:
        file.write(b'{"loss":2.0}\n')

    assert open_results(store.path)["train.loss"].values.tolist() == [1, 2]


def test_what_a_run_appends_after_the_opening_is_for_the_next_opening(store):
    run = store.add({}, [{"loss": 1.0}], RunStatus.RUNNING)
    results = open_results(store.path)
    with run.stream("train").open("ab") as file:
        file.write(b'{"loss":"text"}\n')

    assert results["train.loss"].values.tolist() == [1]
    assert open_results(store.path)["train.loss"].values.tolist() == [1, "text"]


def test_of_several_runs_at_a_point_the_newest_completed_counts(store):
    for loss, status in [(1.0, "completed"), (2.0, "completed"), (3.0, "failed"), (4.0, "running")]:
        store.add({"seed": 0}, [{"loss": loss}], RunStatus(status))
    for loss, status in [(5.0, "failed"), (6.0, "cancelled")]:
        store.add({"seed": 1}, [{"loss": loss}], RunStatus(status))

    results = open_results(store.path)

    assert results["train.loss"].values.tolist() == [[2], [6]]
    assert results["run"].values.tolist() == [2, 6]
    assert results["status"].values.tolist() == ["completed", "cancelled"]


def test_keys_that_vary_between_commands_are_dimensions_although_no_command_swept_them(store):
    for lr in (0.1, 0.01):
        store.add({}, [{"loss": lr}], config={"optimizer": {"lr": lr}, "seed": 0}, digest=str(lr), sweep=str(lr))

    ds = open_results(store.path)

    assert ds["train.loss"].dims == ("lr", "train.step")
    assert ds["train.loss"].sel(lr=0.01).item() == 0.01


def test_a_key_that_varies_below_a_group_that_varies_belongs_to_the_option(store):
    for option, lr in (("sgd", 0.1), ("adam", 0.001)):
        config = {"optimizer": {"kind": option, "lr": lr}}
        store.add({"seed": 0}, [{"loss": lr}], config=config, choices={"optimizer": option}, sweep=option)

    assert open_results(store.path)["train.loss"].dims == ("seed", "optimizer", "train.step")


@pytest.fixture
def disjoint(store):
    """The seeds 0, 1, 2 with one learning rate, and by a later command the seeds 3, 4, 5 with another."""
    for lr, seeds in ((0.1, (0, 1, 2)), (0.01, (3, 4, 5))):
        for seed in seeds:
            config = {"lr": lr, "seed": seed, "name": f"run-{seed}", "layers": [1, 2], "key": "**********"}
            store.add({"seed": seed}, [{"loss": 100 * lr}], config=config, digest=str(seed), sweep=str(lr))
    return store


def test_runs_of_different_configs_are_never_averaged_although_no_seed_is_shared(disjoint):
    loss = open_results(disjoint.path)["train.loss"]

    assert loss.sizes == {"seed": 6, "lr": 2, "train.step": 1}
    np.testing.assert_allclose(loss.mean("seed").sel(lr=[0.1, 0.01]), [[10], [1]])


def test_of_each_command_two_configs_are_read_at_most_and_each_once(disjoint, monkeypatch):
    read = []
    read_config = RunDirectory.read_config
    monkeypatch.setattr(RunDirectory, "read_config", lambda self: read.append(self.id) or read_config(self))

    open_results(disjoint.path)

    assert sorted(read) == [1, 3, 4, 6]


def test_what_one_option_only_has_is_a_dimension_where_it_differs_between_runs_of_that_option(store):
    for sweep, (option, lr) in enumerate((("sgd", 0.1), ("adam", 0.01), ("adam", 0.001))):
        config = {"optimizer": {f"{option}_lr": lr, "decay": 0}, "seed": sweep}
        choices = {"optimizer": option}
        store.add({"seed": sweep}, [{"loss": lr}], config=config, choices=choices, sweep=str(sweep))

    results = open_results(store.path)

    assert results["train.loss"].dims == ("seed", "optimizer", "adam_lr", "train.step")
    assert results["train.loss"].sel(seed=2, optimizer="adam", adam_lr=0.001).item() == 0.001
    np.testing.assert_array_equal(results["adam_lr"], [np.nan, 0.01, 0.001])


def test_what_lies_below_a_swept_group_is_looked_up_for_each_run(store):
    lrs = {"sgd": 0.1, "adam": 0.01, "lion": 0.1}
    for option, lr in lrs.items():
        store.add({"optimizer": option}, [{"loss": lr}], config={"optimizer": {"lr": lr}})
    config = {"optimizer": {"lr": 0.5}}
    store.add({"optimizer.lr": 0.5}, [{"loss": 0.5}], config=config, choices={"optimizer": "sgd"}, sweep="b")

    loss = open_results(store.path)["train.loss"]

    assert [loss.sel(optimizer=option, lr=lr).item() for option, lr in lrs.items()] == [0.1, 0.01, 0.1]


def test_a_part_that_is_left_out_differs_from_one_that_is_there(store):
    for sweep, part in enumerate((None, {"gamma": 0.5})):
        store.add({"seed": sweep}, [{"loss": 1.0}], config={"part": part, "seed": sweep}, sweep=str(sweep))

    assert open_results(store.path)["part"].values.tolist() == ["None", '{"gamma": 0.5}']


def test_places_in_lists_and_keys_that_are_numbers_are_looked_up(store):
    config = {"layers": [1, 2], "weights": {3: 0.5}}
    store.add({"layers.0": 1}, config=config, sweep="a")
    store.add({"layers.0": 5}, config={**config, "layers": [5, 2]}, sweep="a")
    store.add({"weights.3": 0.7}, config={"layers": [1, 4], "weights": {3: 0.7}}, sweep="b")

    results = open_results(store.path)

    assert {name: results[name].values.tolist() for name in results.dims} == {"0": [1, 5], "3": [0.5, 0.7], "1": [2, 4]}


def test_results_with_labels_of_any_type_are_written_as_netcdf(store, tmp_path):
    names = ("part", "flag", "name", "size", "either")
    for values in [(None, True, "a", 1, None), (0.5, False, "b", 2, True), (2, True, "c", 3, "auto")]:
        store.add(dict(zip(names, values, strict=True)), [{"loss": 1.0, "note": "end"}])

    results = open_results(store.path, layout="grid")
    results.to_netcdf(tmp_path / "results.nc")

    with xarray.open_dataset(tmp_path / "results.nc", engine="netcdf4") as written:
        assert {name: written[name].values.tolist() for name in names[1:]} == {
            "flag": [True, False],
            "name": ["a", "b", "c"],
            "size": [1, 2, 3],
            "either": ["None", "True", "auto"],
        }
        np.testing.assert_array_equal(written["part"], [np.nan, 0.5, 2])


def test_the_warning_of_hidden_runs_names_the_scripts_if_they_differ(store):
    for file in ("/b.py", "/a.py"):
        store.add({"seed": 0}, [{"loss": 1.0}], digest=file, file=file)

    with pytest.warns(ResultsWarning, match=r"come from several scripts: /a.py, /b.py\."):
        open_results(store.path)


def test_a_run_hidden_by_one_of_another_config_is_warned_of(store):
    store.add({"seed": 0}, [{"loss": 1.0}], digest="epochs=1")
    store.add({"seed": 0}, [{"loss": 2.0}], digest="epochs=2")

    with pytest.warns(ResultsWarning, match=r"share 1 point .*runs 1, 2"):
        results = open_results(store.path)

    assert results["train.loss"].values.tolist() == [[2]]


def test_runs_without_a_sweep_are_one_run_along_its_steps(store):
    store.add({}, [{"loss": 1.0}])
    store.add({}, [{"loss": 2.0}, {"loss": 1.5}])

    results = open_results(store.path)

    assert results["train.loss"].dims == ("train.step",)
    assert results["train.loss"].values.tolist() == [2, 1.5]
    assert int(results["run"]) == 2


def test_what_a_run_did_not_sweep_comes_from_its_config(store):
    store.add({"optimizer.lr": 0.1}, config={"optimizer": {"lr": 0.1}, "seed": 3})
    store.add({"optimizer.lr": 0.2}, config={"optimizer": {"lr": 0.2}, "seed": 3})
    store.add({"seed": 4}, config={"optimizer": {"lr": 0.1}, "seed": 4}, sweep="b")
    config = {"optimizer": {"lr": 0.2, "beta": 0.9}, "seed": 4}
    store.add({"optimizer.beta": 0.9, "seed": 4}, config=config, sweep="c")

    results = open_results(store.path)

    assert results["run"].dims == ("lr", "seed", "beta")
    assert results["seed"].values.tolist() == [3, 4]
    np.testing.assert_array_equal(results["beta"], [np.nan, 0.9])
    assert results["run"].isel(beta=0).values.tolist() == [[1, 3], [2, -1]]
    assert int(results["run"].sel(lr=0.2, seed=4, beta=0.9)) == 4


def test_a_group_that_a_run_did_not_sweep_is_labelled_by_its_option(store):
    store.add({"optimizer": "adam"}, config={"optimizer": {"lr": 1}}, choices={"optimizer": "adam"})
    store.add({"seed": 0}, config={"optimizer": {"lr": 2}, "seed": 0}, choices={"optimizer": "sgd"}, sweep="b")

    assert open_results(store.path)["optimizer"].values.tolist() == ["adam", "sgd"]


@pytest.mark.parametrize("value", [None, True, "sgd", 0.1, 2**64 - 1, [1, 2], {"a": None}])
def test_any_value_can_be_swept(store, value):
    store.add({"key": value}, [{"loss": 1.0}])
    store.add({"key": "another"}, [{"loss": 2.0}])

    assert open_results(store.path)["train.loss"].values.tolist() == [[1], [2]]


def test_truths_are_selected_as_truths(store):
    store.add({"flag": True}, [{"loss": 1.0}])
    store.add({"flag": False}, [{"loss": 2.0}])

    assert open_results(store.path)["train.loss"].sel(flag=False).item() == 2


def test_a_swept_key_called_like_a_coordinate_or_a_metric_stands_beside_it(store):
    store.add({"run": 1, "net.status": "on", "train.loss": 5}, [{"loss": 1.0, "step": 0.5}])

    results = open_results(store.path)

    assert results["train.loss"].dims == ("run_", "net.status", "loss", "train.step")
    assert results["train.step_"].values.tolist() == [[[[0.5]]]]
    assert results["train.step_"].attrs["column"] == "step"
    assert results["run"].item() == 1


def test_few_runs_in_a_vast_product_are_a_list(store):
    for number in range(40):
        store.add({"lr": number / 10, "model.width": 2 * number}, [{"loss": float(number)}])

    results = open_results(store.path)

    assert results["train.loss"].dims == ("run", "train.step")
    assert results["lr"].dims == results["width"].dims == results["status"].dims == ("run",)
    assert results["width"].attrs == {"key": "model.width"}
    assert results["train.loss"].sel(run=7).item() == 6
    assert results.where(results["lr"] < 0.15, drop=True)["run"].values.tolist() == [1, 2]


def test_results_of_an_experiment_are_chosen_by_its_name(store):
    store.add({"seed": 0}, [{"loss": 1.0}])
    store.add({"size": 3}, [{"error": 2.0}], experiment="evaluate")

    results = open_results(store.path, experiment="evaluate")

    assert list(results.data_vars) == ["train.error"]
    assert list(results.dims) == ["size", "train.step"]
    assert results["run"].values.tolist() == [2]


def test_runs_are_chosen_by_their_ids(grid):
    shutil.rmtree(grid.path / "1")

    results = open_results(grid.path, runs=[6, 4])

    assert results["run"].values.tolist() == [[4, 6]]
    assert results["train.loss"].sel(seed=2).values.tolist() == [[3, 2]]


def test_values_are_read_from_wherever_the_process_has_moved_to(grid, tmp_path, monkeypatch):
    monkeypatch.chdir(grid.path.parent)
    monkeypatch.setenv("HOME", str(grid.path.parent))
    relative, at_home = open_results("logs"), open_results("~/logs")
    monkeypatch.chdir("/")

    assert relative.identical(at_home)
    assert relative.attrs["store"] == str(grid.path)


def test_variables_can_be_left_out(grid):
    assert "train.loss" not in open_results(grid.path, drop_variables="train.loss")
    assert list(open_results(grid.path, drop_variables=["train.loss", "unknown"]).data_vars) == ["train.epoch"]


def test_runs_that_recorded_nothing_are_only_coordinates(store):
    store.add({"seed": 0}, status=RunStatus.FAILED)
    store.add({"seed": 1}, {"train": [{}]}, status=RunStatus.FAILED)

    results = open_results(store.path)

    assert not results.data_vars
    assert results["status"].values.tolist() == ["failed", "failed"]


@pytest.mark.filterwarnings("ignore:.* fails while guessing:RuntimeWarning")  # other backends of older xarrays
def test_xarray_finds_the_backend_by_its_name_and_by_itself(grid):
    try:
        distribution("typedxp")
    except PackageNotFoundError:
        pytest.skip("needs typedxp to be installed: pip install -e .")

    expected = open_results(grid.path)

    assert xarray.open_dataset(grid.path, engine="typedxp").identical(expected)
    assert xarray.open_dataset(grid.path).identical(expected)


def test_only_a_directory_of_runs_is_guessed_to_be_a_store(grid, tmp_path):
    backend = RunStoreBackend()
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()

    assert backend.guess_can_open(grid.path)
    assert backend.guess_can_open(str(grid.path))
    for other in (
        grid.path / "1",
        tmp_path / "empty",
        tmp_path / "file",
        tmp_path / "none",
        "https://a.b/c",
        "\0",
        b"",
        3,
    ):
        assert not backend.guess_can_open(other)


def test_a_swept_key_that_is_called_like_a_fact_of_runs_is_what_was_swept(store):
    for code in ("a", "b"):
        config = {"code": code, "host": code}
        store.add({"code": code}, [{"loss": 1.0}], config=config, sweep=code)

    results = open_results(store.path)

    assert results["code_"].values.tolist() == results["host"].values.tolist() == ["a", "b"]
    assert open_results(store.path, dims=["code", "host"]).sizes["code_"] == 2


def test_what_came_of_verifying_runs_is_a_coordinate_where_some_were_verified(grid):
    assert "verified" not in open_results(grid.path).coords
    outcome = Verification(Outcome.IDENTICAL, "2026-11-20T12:00:00Z", rtol=0.0, atol=0.0)
    verifications.write(RunDirectory(grid.path / "2"), outcome)

    verified = open_results(grid.path)["verified"]

    assert verified.sel(lr=0.1).values.tolist() == ["", "identical", ""]
