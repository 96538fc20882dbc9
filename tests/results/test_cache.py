"""The caches as a reader of results meets them: whatever happens to them, no number that is read is wrong."""

from __future__ import annotations

import json
import os
import shutil
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import orjson
import pytest
import xarray

from typedxp import ResultsError, open_results
from typedxp.results.cache import index, ragged
from typedxp.results.problems import ResultsWarning
from typedxp.results.variables import arrays
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.records import RunStatus, Status


@pytest.fixture
def packing(monkeypatch):
    """Pack even the smallest reading."""
    monkeypatch.setattr(arrays, "_WORTH_PACKING", 1)


@pytest.fixture
def counted(store):
    """Four runs of three records with an integer and a float."""
    for seed in range(4):
        store.add({"seed": seed}, [{"count": 5 + step, "loss": seed + step / 2} for step in range(3)])
    return store


def cached(store):
    """Return the files of the caches; the marks of taken ids are none."""
    files = (path for path in (store.path / ".typedxp").rglob("*") if path.is_file())
    return sorted(path for path in files if not path.name.startswith("last_id"))


def index_of(store):
    """Return the file of the index, what is in it before its document, and the document."""
    path = store.path / ".typedxp" / "index" / "0.json"
    data = path.read_bytes()
    start = data.index(b"{")
    return path, data[:start], json.loads(data[start:])


def load(store, **asked):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultsWarning)
        return open_results(store.path, **asked).load()


EXPECTED = [[5, 6, 7]] * 4


def test_finished_runs_are_kept_and_running_ones_are_not(counted, packing):
    counted.add({"seed": 4}, [{"count": 9, "loss": 9.0}], RunStatus.RUNNING)

    load(counted)

    assert index_of(counted)[2]["ids"] == [1, 2, 3, 4]
    counted.path.joinpath("5", "metrics", "train.jsonl").write_bytes(
        b'{"count":1,"loss":1.0}\n{"count":2,"loss":2.0}\n'
    )
    np.testing.assert_array_equal(load(counted)["train.loss"][4], [1, 2, np.nan])


def test_a_damaged_line_is_no_number_when_it_is_read_from_the_cache(counted, packing):
    path = counted.path / "3" / "metrics" / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"count":6,', b'{"count":6;'))

    first, again = load(counted)["train.count"], load(counted)["train.count"]

    np.testing.assert_array_equal(first[2], [5, 7, np.nan])
    np.testing.assert_array_equal(again, first)


def test_a_file_that_could_not_be_read_once_is_read_the_next_time(counted, packing):
    results = open_results(counted.path)
    path = counted.path / "3" / "metrics" / "train.jsonl"
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    with pytest.warns(ResultsWarning, match="cannot be read"):
        results.load()
    path.rmdir()
    path.with_suffix(".away").rename(path)

    again = load(counted)

    np.testing.assert_array_equal(again["train.loss"][2], [2, 2.5, 3])
    np.testing.assert_array_equal(again["train.count"], EXPECTED)


def test_what_a_run_has_once_is_not_taken_for_a_column_of_a_like_name(store, packing):
    directory = store.add({"seed": 0}, {"summary": [{"acc.last": 3.0, "acc": 7.0}, {"acc.last": 4.0}]})
    record = json.loads((directory.path / "run.json").read_bytes())
    record["metrics"] = {"summary": {"acc": {"dtype": "float"}}}
    (directory.path / "run.json").write_text(json.dumps(record))

    for _ in range(2):
        results = load(store)
        assert results["acc"].values.tolist() == [7]
        assert results["summary.acc.last"].values.tolist() == [[3, 4]]


def test_a_retry_in_place_is_never_answered_by_what_was_there_before(counted, packing):
    load(counted)
    for attempt in range(2, 6):
        number = float(attempt)
        # Of the same length in bytes, each time.
        (counted.path / "2" / "metrics" / "train.jsonl").write_bytes(b'{"count":%d,"loss":%.1f}\n' % (attempt, number))
        RunDirectory(counted.path / "2").write_status(Status(RunStatus.COMPLETED, attempt=attempt))

        results = load(counted)

        np.testing.assert_array_equal(results["train.loss"][1], [number, np.nan, np.nan])
        assert results["attempt"].values.tolist() == [0, attempt, 0, 0]


def test_a_dataset_of_before_a_retry_does_not_spoil_the_cache_for_those_after_it(counted, packing):
    before = open_results(counted.path)
    path = counted.path / "2" / "metrics" / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"count":5', b'"count":4'))
    RunDirectory(counted.path / "2").write_status(Status(RunStatus.COMPLETED, attempt=1))
    before.load()

    np.testing.assert_array_equal(load(counted)["train.count"][1], [4, 6, 7])


def test_a_run_that_was_removed_and_one_made_in_its_place_are_two(counted, packing):
    load(counted)
    shutil.rmtree(counted.path / "2")
    assert load(counted)["seed"].values.tolist() == [0, 2, 3]
    shutil.copytree(counted.path / "3", counted.path / "2")
    record = json.loads((counted.path / "2" / "run.json").read_bytes())
    (counted.path / "2" / "run.json").write_text(json.dumps(record | {"id": 2, "point": {"seed": 7}}))

    assert load(counted).sel(seed=7)["train.loss"].values.tolist() == [2, 2.5, 3]


def test_caches_of_another_store_are_not_believed(counted, packing, tmp_path):
    other = type(counted)(tmp_path / "other")
    for seed in range(4):
        other.add({"size": 10 * seed}, [{"count": 1, "loss": 100.0 + seed}] * 3)
    expected = load(counted)
    load(other)
    shutil.rmtree(counted.path / ".typedxp")
    shutil.copytree(other.path / ".typedxp", counted.path / ".typedxp")

    xarray.testing.assert_identical(load(counted), expected)


def test_a_store_that_was_copied_or_moved_reads_the_same(counted, packing, tmp_path):
    expected = load(counted)
    shutil.copytree(counted.path, tmp_path / "copy")
    counted.path.rename(tmp_path / "moved")

    for place in ("copy", "moved"):
        results = open_results(tmp_path / place).load()
        assert results.attrs["store"] == str(tmp_path / place)
        assert all(results[name].equals(expected[name]) for name in expected)


@pytest.mark.parametrize("keep", [0, 1, 0.3, 0.9, 0.999])
def test_caches_that_are_cut_off_are_made_anew(counted, packing, keep):
    expected = load(counted)
    for path in cached(counted):
        data = path.read_bytes()
        path.write_bytes(data[: int(keep * len(data))])

    xarray.testing.assert_identical(load(counted), expected)
    assert index_of(counted)[2]["ids"] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [{"layout": 99}, {"facts": [1]}, {"ids": "no"}, {"streams": {"train": {}}}, {"stamps": [1, 2]}],
    ids=str,
)
def test_an_index_that_is_not_one_is_made_anew(counted, change):
    expected = load(counted)
    path, before, document = index_of(counted)
    data = json.dumps(document | change).encode()
    # Even if its sum is right.
    path.write_bytes(b"%08x\n%s" % (zlib.crc32(data), data) if before else data)

    xarray.testing.assert_identical(load(counted), expected)
    assert index_of(counted)[2] == document


def test_an_index_that_was_changed_on_the_disk_is_not_believed(counted):
    expected = load(counted)
    path, before, document = index_of(counted)
    document["facts"]["point.seed"][1] = [0, 1, 3, 2]
    path.write_bytes(before + orjson.dumps(document))

    xarray.testing.assert_identical(load(counted), expected)


def test_caches_of_other_versions_are_not_read_and_replaced(counted, packing, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(index, "LAYOUT", 0)
        earlier.setattr(ragged, "LAYOUT", 0)
        expected = load(counted)

    xarray.testing.assert_identical(load(counted), expected)
    assert index_of(counted)[2]["layout"] == index.LAYOUT


@pytest.mark.parametrize("place", [".", "index", "packed", "index/0.json", "packed/train/loss/1024/0.nc"])
@pytest.mark.parametrize("what", ["file", "directory", "link to nothing"])
def test_whatever_stands_in_the_place_of_a_cache_is_done_without(counted, packing, place, what):
    path = counted.path / ".typedxp" / place
    shutil.rmtree(counted.path / ".typedxp")
    path.parent.mkdir(parents=True, exist_ok=True)
    {"file": path.touch, "directory": path.mkdir, "link to nothing": lambda: path.symlink_to("nowhere/at/all")}[what]()

    for _ in range(2):
        results = load(counted)
        np.testing.assert_array_equal(results["train.count"], EXPECTED)
        assert results["train.loss"].sum() == 24


@pytest.mark.parametrize("refused", ["mkdir", "replace", "open"])
def test_a_file_system_that_cannot_be_written_is_read_without_caches(counted, packing, monkeypatch, refused):
    shutil.rmtree(counted.path / ".typedxp")
    real = getattr(os, refused)

    def refuse(path, *args, **more):
        writes = refused != "open" or (args and args[0] & (os.O_WRONLY | os.O_RDWR))
        if writes and str(counted.path) in os.fspath(path):
            raise OSError(30, "Read-only file system", path)
        return real(path, *args, **more)

    monkeypatch.setattr(os, refused, refuse)
    for _ in range(2):
        np.testing.assert_array_equal(load(counted)["train.count"], EXPECTED)
    assert cached(counted) == []


def test_opening_some_runs_keeps_what_is_known_of_the_others(counted):
    load(counted)
    new = counted.add({"seed": 4}, [{"count": 1, "loss": 1.0}])

    load(counted, runs=[new.id])

    assert index_of(counted)[2]["ids"] == [1, 2, 3, 4, 5]


def test_readers_see_whole_runs_while_others_are_made_and_removed(counted, packing):
    done = threading.Event()

    def write():
        for seed in range(4, 40):
            directory = counted.add({"seed": seed}, [{"count": 5 + step, "loss": seed + step / 2} for step in range(3)])
            if seed % 3 == 0:
                shutil.rmtree(directory.path)
        done.set()

    def look():
        seen = 0
        while not (last := done.is_set()) or not seen:
            with warnings.catch_warnings():
                # A run that goes while it is read is missing, and said to be.
                warnings.simplefilter("ignore", ResultsWarning)
                results = open_results(counted.path, layout="runs").load()
            loss = results["train.loss"].values - results["seed"].values[:, np.newaxis]
            # Of a run that is still logging, there may be less.
            assert (np.isnan(loss) | (loss == [0, 0.5, 1])).all()
            seen += 1
            if last:
                break
        return seen

    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("ignore", ResultsWarning)
        readers = [pool.submit(look) for _ in range(3)]
        writer = pool.submit(write)
        writer.result()
        assert all(reader.result() > 0 for reader in readers)
    assert load(counted).sizes["seed"] == 28


def test_a_store_that_is_gone_is_not_made_again_by_looking(counted):
    shutil.rmtree(counted.path)

    with pytest.raises(ResultsError, match="There is no directory"):
        open_results(counted.path)

    assert not counted.path.exists()
