"""What is read when: nothing before it is used, only what is used, and in whatever process it is used."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import xarray

from typedxp import open_results
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.records import RunStatus, Status


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that were opened, by whichever function, with the directories of metrics before them."""
    names: list[str] = []

    def spy_on(module, name):
        real = getattr(module, name)

        def spy(path, *args, **more):
            if not isinstance(path, int):
                names.append(str(os.fspath(path)))
            return real(path, *args, **more)

        monkeypatch.setattr(module, name, spy)

    for module in (builtins, io, os):
        spy_on(module, "open")
    return names


def runs_of(opened, root):
    """Return which runs the metrics that were read are of."""
    paths = [Path(name) for name in opened if name.endswith(".jsonl")]
    return Counter(int(path.relative_to(root).parts[0]) for path in paths)


def test_what_a_dataset_says_of_itself_reads_no_file(grid, opened):
    results = open_results(grid.path)
    opened.clear()

    text = repr(results) + repr(results["train.loss"])
    assert "train.loss" in results._repr_html_()
    chosen = results.sel(lr=0.1).isel(seed=0)
    assert "train.loss" in text
    assert (len(results), dict(results.sizes)) == (2, {"lr": 2, "seed": 3, "train.step": 2})
    assert int(chosen["run"]) == 1
    assert results["status"].values.shape == (2, 3)
    assert results["train.loss"].nbytes == 96
    assert [name for name in opened if str(grid.path) in name] == []


def test_a_selection_reads_each_of_its_runs_once_and_no_other(grid, opened):
    results = open_results(grid.path)
    opened.clear()

    values = results["train.loss"].sel(lr=0.01, seed=[2, 0]).values

    np.testing.assert_array_equal(values, [[3, 2], [1, 0]])
    assert runs_of(opened, grid.path) == {4: 1, 6: 1}


def test_a_mask_and_a_label_out_of_order_read_only_what_they_choose(grid, opened):
    results = open_results(grid.path)
    opened.clear()

    values = results["train.loss"].isel(seed=[2, 0, 2], lr=1)[:, -1].values

    np.testing.assert_array_equal(values, [2, 0, 2])
    assert runs_of(opened, grid.path).keys() == {4, 6}


def test_opening_again_reads_no_file_of_finished_runs(grid, opened):
    open_results(grid.path)
    opened.clear()

    open_results(grid.path)

    assert {Path(name).name for name in opened} == {"0.json"}


def test_opening_many_commands_again_reads_no_config(store, opened):
    for command in range(5):
        store.add({}, [{"loss": 1.0}], config={"lr": command / 2}, sweep=str(command), digest=str(command))
    first = open_results(store.path)
    opened.clear()

    xarray.testing.assert_identical(open_results(store.path), first)
    assert [name for name in opened if name.endswith("config.yaml")] == []


def test_what_was_read_is_read_again_from_the_cache_alone(store, opened):
    for seed in range(4):
        store.add({"seed": seed}, [{"loss": seed + step / 2} for step in range(5000)])
    first = open_results(store.path)["train.loss"].load()
    for seed in range(4):
        (store.path / str(seed + 1) / "metrics" / "train.jsonl").rename(store.path / str(seed + 1) / "moved.jsonl")
        (store.path / str(seed + 1) / "metrics" / "train.jsonl").mkdir()
    opened.clear()

    with_other_runs = open_results(store.path, runs=[2, 4])["train.loss"]

    np.testing.assert_array_equal(with_other_runs, first[[1, 3]])
    assert runs_of(opened, store.path) == {}


@pytest.mark.parametrize("chunks", [{}, "auto", 1, {"seed": 2, "train.step": 1}, {"lr": -1}])
def test_chunks_of_any_size_hold_the_same_values(grid, chunks):
    plain = open_results(grid.path)

    chunked = open_results(grid.path, chunks=chunks)

    assert chunked["train.loss"].chunks is not None
    xarray.testing.assert_identical(chunked.compute(scheduler="synchronous"), plain.load())


def test_automatic_chunks_may_be_asked_for_where_some_metric_is_text(store):
    store.add({"seed": 0}, [{"loss": 1.0, "phase": "warm"}])

    chunked = open_results(store.path, chunks="auto")

    assert chunked["train.phase"].values.tolist() == [["warm"]]


def test_chunks_of_before_a_retry_are_never_taken_for_those_of_after_it(grid):
    before = open_results(grid.path, chunks={})["train.loss"]
    (grid.path / "1" / "metrics" / "train.jsonl").write_bytes(b'{"epoch":0,"loss":7.0}\n{"epoch":1,"loss":8.0}\n')
    RunDirectory(grid.path / "1").write_status(Status(RunStatus.COMPLETED, attempt=2))
    after = open_results(grid.path, chunks={})["train.loss"]

    both = xarray.concat([before, after], "opened")

    assert before.data.name != after.data.name
    np.testing.assert_array_equal(both.isel(opened=1, lr=0, seed=0), [7, 8])


def test_a_lazy_dataset_is_small_when_it_is_sent(store):
    for seed in range(50):
        store.add({"seed": seed}, [{f"m{column}": 1.0 for column in range(20)}] * 50)
    results = open_results(store.path)

    sent = pickle.dumps(results["train.m3"])

    assert len(sent) < 20_000
    assert float(pickle.loads(sent).sum()) == 2500


ON_A_CLUSTER = """
import sys
from dask.distributed import Client, LocalCluster
from typedxp import open_results

if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=sys.argv[2]
    ) as cluster, Client(cluster) as client:
        results = open_results(sys.argv[1], chunks={"seed": 1})
        print(results["train.loss"].mean("seed").compute().values.tolist())
        print(len(set(client.run(lambda: __import__("os").getpid()).values())))
"""


def test_a_cluster_of_processes_computes_the_same(grid, tmp_path):
    # In a process of its own: its event loop and its workers end with it, whatever the other tests do.
    (tmp_path / "cluster.py").write_text(ON_A_CLUSTER)
    command = [sys.executable, "-W", "ignore", tmp_path / "cluster.py", grid.path, tmp_path / "scratch"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[[11.0, 10.0], [2.0, 1.0]]", "2"]


PEAK = """
import resource, sys
import dask
import numpy as np
import xarray
import netCDF4
from typedxp import open_results

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024 ** 2)

with dask.config.set(scheduler="synchronous"):
    results = open_results(sys.argv[1], chunks={"seed": 8})
    float(results["train.loss"].isel(seed=slice(0, 8)).mean())
    before = peak()
    print(float(results["train.loss"].mean()), results["train.loss"].nbytes / 2**20, peak() - before)
"""


def test_the_memory_of_a_reduction_is_that_of_its_chunks(store):
    # One run was recorded, the others are links to it: 80 runs of 40,000 values are 24 MB, a chunk of 8 is 2.4 MB.
    first = store.add({"seed": 0}, [{"loss": float(step)} for step in range(40_000)])
    for seed in range(1, 80):
        directory = store.add({"seed": seed})
        directory.metrics.mkdir()
        os.link(first.stream("train"), directory.stream("train"))
        shutil.copyfile(first.status_file, directory.status_file)
    command = [sys.executable, "-W", "ignore", "-c", PEAK, store.path]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    mean, whole, more = map(float, done.stdout.split())
    assert mean == 19999.5
    assert whole > 24
    assert more < whole / 2
