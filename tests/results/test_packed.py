"""What the cache of metrics gives back, and what becomes of it when files are damaged, foreign, or written by many."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from typedxp.results.cache import ragged
from typedxp.results.cache.packed import PackedColumn


@pytest.fixture
def packed(tmp_path):
    return PackedColumn(tmp_path / ".typedxp", "train", "loss")


def ints(*values):
    return np.array(values, np.int64)


def stamps_of(ids):
    return np.asarray(ids, np.int64) * 7 + 1


def add(packed, rows):
    ids = ints(*rows)
    packed.add(ids, stamps_of(ids), list(rows.values()))


def read(packed, *ids):
    return packed.read(ints(*ids), stamps_of(ids))


def same(row, expected):
    return row is not None and row.dtype == expected.dtype and row.shape == expected.shape and equal_bits(row, expected)


def equal_bits(row, expected):
    return np.ascontiguousarray(row).tobytes() == np.ascontiguousarray(expected).tobytes()


def files(packed):
    return sorted(path for path in packed.cache.rglob("*") if path.is_file())


def test_rows_come_back_in_the_order_they_are_asked_for_each_as_long_as_it_was(packed):
    rows = {run: np.arange(run, dtype=np.float64) / 3 for run in (5, 1, 9, 0, 2000)}
    add(packed, rows)

    found = read(packed, 9, 3, 2000, 1, 0, 9)

    assert found[1] is None
    assert all(same(found[place], rows[run]) for place, run in ((0, 9), (2, 2000), (3, 1), (4, 0), (5, 9)))


def test_nothing_is_there_before_anything_is_added(packed):
    assert read(packed, 1, 2) == [None, None]
    assert not packed.read_into(np.zeros((2, 3)), ints(1, 2), ints(1, 2)).any()
    assert not packed.cache.exists()


ARRAYS = st.sampled_from([np.float64, np.int64, np.bool_]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.dictionaries(st.integers(0, 2100), ARRAYS, max_size=12), later=st.dictionaries(st.integers(0, 5), ARRAYS)
)
def test_rows_of_any_shape_and_type_come_back_bit_by_bit_or_not_at_all(tmp_path_factory, rows, later):
    packed = PackedColumn(tmp_path_factory.mktemp("store") / ".typedxp", "a", "b")
    add(packed, rows)
    add(packed, later)
    expected = rows | later

    found = read(packed, *expected)

    for row, (run, values) in zip(found, expected.items(), strict=True):
        if values.dtype != np.int64 or (np.abs(values.astype(object)) <= 2**53).all():
            assert same(row, values), run
        else:
            assert row is None or same(row, values), run


def test_not_a_number_infinities_and_the_sign_of_zero_keep_their_bits(packed):
    odd = np.array([0x7FF8000000000001, 0xFFF8DEADBEEF0001], np.uint64).view(np.float64)
    row = np.concatenate([odd, [np.inf, -np.inf, -0.0, 5e-324, np.nan]])
    add(packed, {1: row})

    [found] = read(packed, 1)

    assert equal_bits(found, row)


def test_large_integers_are_exact_among_integers_and_left_out_among_floats(packed):
    large = ints(2**62 + 1, -(2**63))
    add(packed, {1: large, 2: ints(1)})
    assert same(read(packed, 1)[0], large)

    add(packed, {3: np.array([0.5])})

    assert read(packed, 1) == [None]
    assert same(read(packed, 2)[0], ints(1))
    assert same(read(packed, 3)[0], np.array([0.5]))


def test_rows_of_another_type_are_left_out(packed):
    add(packed, {1: np.array(["a"]), 2: np.array([1.0], np.float32), 3: np.array([1.0]), 4: np.array([None])})

    assert [row is None for row in read(packed, 1, 2, 3, 4)] == [True, True, False, True]


def test_a_place_without_a_run_is_never_there(packed):
    packed.add(ints(-1, 1), ints(0, 0), [np.zeros(2), np.ones(2)])

    none, one = packed.read(ints(-1, 1), ints(0, 0))

    assert none is None
    assert same(one, np.ones(2))


def test_a_row_with_another_stamp_is_not_read(packed):
    add(packed, {1: np.ones(2), 2: np.ones(2)})

    found = packed.read(ints(1, 2), stamps_of([1, 2]) + ints(1, 0))

    assert [row is None for row in found] == [True, False]


def test_a_row_is_replaced_by_that_of_a_new_stamp_and_the_others_stay(packed):
    add(packed, {1: np.ones(2), 2: np.full(3, 2.0)})
    packed.add(ints(1), ints(99), [np.full(4, 9.0)])

    assert read(packed, 1) == [None]
    assert same(packed.read(ints(1), ints(99))[0], np.full(4, 9.0))
    assert same(read(packed, 2)[0], np.full(3, 2.0))


def test_rows_are_read_into_an_array_and_nothing_is_beyond_their_ends(packed):
    add(packed, {1: np.array([1.0, 2.0]), 2: np.array([3.0, 4.0, 5.0, 6.0]), 3: ints(7, 8), 4: np.array([True])})
    out = np.full((6, 3), -1.0)

    there = packed.read_into(out, ints(4, 2, 1, 5, 3, -1), stamps_of([4, 2, 1, 5, 3, -1]))

    assert there.tolist() == [True, True, True, False, True, False]
    nan = np.nan
    expected = [[1, nan, nan], [3, 4, 5], [1, 2, nan], [-1, -1, -1], [7, 8, nan], [-1, -1, -1]]
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    ("dtype", "there"),
    [(np.float64, [True, True, True]), (np.int64, [False, True, True]), (np.bool_, [False, False, True])],
)
def test_a_row_is_read_only_into_an_array_that_can_hold_its_values(packed, dtype, there):
    add(packed, {1: np.array([0.5]), 2: ints(3), 3: np.array([True])})
    out = np.zeros((3, 1), dtype)

    assert packed.read_into(out, ints(1, 2, 3), stamps_of([1, 2, 3])).tolist() == there
    assert out[~np.array(there)].tolist() == [[0]] * there.count(False)


def test_arrays_along_the_records_are_read_into_the_corner_of_larger_ones(packed):
    add(packed, {1: np.arange(4.0).reshape(2, 2), 2: np.arange(6.0).reshape(1, 3, 2), 3: np.ones(2)})
    out = np.full((3, 3, 3), np.nan)

    assert packed.read_into(out, ints(1, 2, 3), stamps_of([1, 2, 3])).tolist() == [True, False, False]
    np.testing.assert_array_equal(out[0], [[0, 1, np.nan], [2, 3, np.nan], [np.nan] * 3])
    assert np.isnan(out[1:]).all()


@pytest.mark.parametrize("choose", [slice(None), slice(None, None, 2), slice(None, None, -1), slice(700, 703)])
@pytest.mark.parametrize("regular", [True, False])
def test_any_selection_of_many_runs_is_that_of_their_values(packed, choose, regular):
    values = np.random.default_rng(1).normal(size=(1500, 300))
    sizes = [300 if regular else 200 + run % 100 for run in range(1500)]
    add(packed, {run: values[run, : sizes[run]] for run in range(1500)})
    expected = np.where(np.arange(300) < np.array(sizes)[:, np.newaxis], values, np.nan)
    ids = np.arange(1500)[choose]
    out = np.empty((len(ids), 300))

    assert packed.read_into(out, ids, stamps_of(ids)).all()
    np.testing.assert_array_equal(out, expected[choose])
    assert all(same(row, values[run, : sizes[run]]) for run, row in zip(ids, read(packed, *ids), strict=True))


def test_long_rows_share_a_file_with_fewer_runs(packed):
    rows = {run: np.full(size, float(run)) for run, size in enumerate([10, 10, 5000, 5000, 2**15 + 1, 2**16 + 1])}
    add(packed, rows)

    names = {f"{path.parent.name}/{path.name}" for path in files(packed)}
    assert names == {"1024/0.nc", "128/0.nc", "16/0.nc", "1/5.nc"}
    assert all(same(row, values) for row, values in zip(read(packed, *rows), rows.values(), strict=True))


def test_a_run_whose_row_became_longer_is_read_as_it_is_now(packed):
    add(packed, {1: np.ones(3)})
    packed.add(ints(1), ints(99), [np.zeros(5000)])

    assert same(packed.read(ints(1), ints(99))[0], np.zeros(5000))
    assert same(read(packed, 1)[0], np.ones(3))


NAMES = ["loss", "Loss", "a/b", "..", ".", "", "%", "a b", "é", "\ud800", "x" * 400, "x" * 399 + "y", "a%2Fb", "-"]


def test_columns_of_any_name_are_kept_apart(tmp_path):
    columns = [PackedColumn(tmp_path / "c", "s", name) for name in NAMES]
    columns += [PackedColumn(tmp_path / "c", name, "s") for name in NAMES]
    for number, column in enumerate(columns):
        add(column, {1: np.array([float(number)])})

    assert [read(column, 1)[0].tolist() for column in columns] == [[number] for number in range(len(columns))]
    assert {path.relative_to(tmp_path).parts[:2] for path in files(columns[0])} == {("c", "packed")}


def test_a_file_of_another_column_is_not_taken_for_this_one(packed):
    add(packed, {1: np.ones(2)})
    other = PackedColumn(packed.cache, "train", "LOSS")
    add(other, {2: np.zeros(2)})
    shutil.copy(*(next(path for path in files(packed) if path.parent.parent.name == name) for name in ("loss", "LOSS")))

    assert read(other, 1, 2) == [None, None]


def test_the_file_is_one_that_others_can_read(packed):
    add(packed, {3: np.array([1.0, 2.0]), 4: np.array([3.0])})

    with xarray.open_dataset(files(packed)[0]) as file:
        assert file.attrs["Conventions"] == "CF-1.11"
        assert file["row_size"].attrs["sample_dimension"] == "sample"
        assert file["run"].values.tolist() == [3, 4]
        assert file["row_size"].values.tolist() == [2, 1]
        assert file["values"].values.tolist() == [1, 2, 3]


def damage(path, data):
    """Write over a file in place, as a failing disk would."""
    path.write_bytes(data)


@settings(max_examples=80, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True))
def test_a_file_that_is_cut_off_anywhere_reads_as_nothing_and_is_replaced(tmp_path_factory, where):
    packed = PackedColumn(tmp_path_factory.mktemp("store") / ".typedxp", "train", "loss")
    rows = {run: np.arange(40.0) + run for run in range(30)}
    add(packed, rows)
    [path] = files(packed)
    data = path.read_bytes()
    damage(path, data[: int(where * len(data))])

    assert all(row is None for row in read(packed, *rows))
    add(packed, {1: rows[1]})
    assert same(read(packed, 1)[0], rows[1])


@settings(max_examples=80, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_byte_that_was_changed_anywhere_is_never_read_as_a_number(tmp_path_factory, where, byte):
    packed = PackedColumn(tmp_path_factory.mktemp("store") / ".typedxp", "train", "loss")
    rows = {run: np.arange(40.0) + run for run in range(30)}
    add(packed, rows)
    [path] = files(packed)
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] = byte
    damage(path, data)

    assert all(row is None or same(row, rows[run]) for run, row in enumerate(read(packed, *rows)))


def test_values_that_were_changed_on_the_disk_are_not_read_and_the_others_are(packed):
    rows = {run: np.full(1000, run + 0.5) for run in range(5)}
    add(packed, rows)
    [path] = files(packed)
    data = bytearray(path.read_bytes())
    start = data.index(rows[3].tobytes())
    data[start + 800 : start + 1600] = bytes(800)
    damage(path, data)

    found = read(packed, *rows)

    assert [row is None for row in found] == [False, False, False, True, False]
    assert all(same(row, rows[run]) for run, row in enumerate(found) if run != 3)


def test_stamps_that_were_changed_on_the_disk_make_a_file_read_as_nothing(packed):
    add(packed, {run: np.full(10, run + 0.5) for run in range(5)})
    [path] = files(packed)
    stamps = stamps_of(range(5))
    damage(path, path.read_bytes().replace(stamps.tobytes(), (stamps + 1).tobytes()))

    assert packed.read(np.arange(5), stamps + 1) == [None] * 5


@pytest.mark.parametrize("data", [b"", b"no file of rows", b"CDF\x01", b"\x89HDF\r\n\x1a\n" + bytes(5000)])
def test_a_foreign_file_reads_as_nothing_and_is_replaced(packed, data):
    add(packed, {1: np.ones(2)})
    damage(files(packed)[0], data)

    assert read(packed, 1) == [None]
    add(packed, {1: np.ones(2)})
    assert same(read(packed, 1)[0], np.ones(2))


def test_a_netcdf_file_of_somebody_else_reads_as_nothing(packed):
    add(packed, {1: np.ones(2)})
    xarray.Dataset({"run": ("run", [1])}).to_netcdf(files(packed)[0])

    assert read(packed, 1) == [None]


def test_a_file_of_another_layout_reads_as_nothing_and_is_replaced(packed, monkeypatch):
    monkeypatch.setattr(ragged, "LAYOUT", 0)
    add(packed, {1: np.ones(2), 2: np.ones(2)})
    monkeypatch.undo()

    assert read(packed, 1, 2) == [None, None]
    add(packed, {2: np.ones(2)})
    assert [row is None for row in read(packed, 1, 2)] == [True, False]


def test_a_store_that_is_gone_does_not_come_back(tmp_path):
    packed = PackedColumn(tmp_path / "logs" / ".typedxp", "train", "loss")

    add(packed, {1: np.ones(2)})

    assert list(tmp_path.iterdir()) == []
    assert read(packed, 1) == [None]


@pytest.mark.parametrize("blocked", ["", "packed", "packed/train", "packed/train/loss"])
def test_a_cache_that_cannot_be_written_is_done_without(packed, blocked):
    path = packed.cache / blocked
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file where a directory should be")

    add(packed, {1: np.ones(2)})

    assert read(packed, 1) == [None]
    assert path.read_text() == "a file where a directory should be"


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_directory_that_is_read_only_is_read_and_not_written(packed):
    add(packed, {1: np.ones(2)})
    folder = files(packed)[0].parent
    folder.chmod(0o555)
    try:
        add(packed, {2: np.ones(2)})
        assert [row is None for row in read(packed, 1, 2)] == [False, True]
    finally:
        folder.chmod(0o755)


def test_a_full_disk_leaves_what_was_there_and_no_draft(packed, monkeypatch):
    add(packed, {1: np.ones(2)})
    before = files(packed)

    def full(file, data):
        os.write(file, bytes(data)[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("typedxp.store.files.write_all", full)
    add(packed, {2: np.ones(2)})

    assert files(packed) == before
    assert [row is None for row in read(packed, 1, 2)] == [False, True]


@pytest.mark.parametrize("row", [np.array([True]), np.array([1.0]), np.zeros(2000, np.int64), np.empty(0)])
def test_values_that_are_found_elsewhere_in_their_file_are_read_as_well(packed, row):
    # What is one truth for each of so many runs is written before the longer arrays of the index.
    rows = dict.fromkeys(range(300), row)
    add(packed, rows)

    assert all(same(found, row) for found in read(packed, *rows))


def test_rows_are_read_where_the_library_that_wrote_them_is_missing(packed, monkeypatch):
    add(packed, {1: np.ones(2)})
    monkeypatch.setitem(sys.modules, "netCDF4", None)

    assert same(read(packed, 1)[0], np.ones(2))


def test_a_row_is_read_without_those_beside_it(packed):
    rows = {run: np.full(1000, run + 0.5) for run in range(9)}
    add(packed, rows)
    [path] = files(packed)
    data = path.read_bytes()
    start = data.index(rows[4].tobytes())
    stop = start + rows[4].nbytes
    end = data.index(rows[8].tobytes()) + rows[8].nbytes
    damage(path, bytes(start) + data[start:stop] + bytes(end - stop) + data[end:])

    found = read(packed, *rows)

    assert [row is not None for row in found] == [run == 4 for run in rows]
    assert same(found[4], rows[4])


def test_a_column_can_be_sent_to_another_process(packed):
    add(packed, {1: np.ones(2)})

    assert same(read(pickle.loads(pickle.dumps(packed)), 1)[0], np.ones(2))


ADDER = """
import sys
from pathlib import Path
import numpy as np
from typedxp.results.cache.packed import PackedColumn
packed = PackedColumn(Path(sys.argv[1]), "train", "loss")
rng = np.random.default_rng(int(sys.argv[2]))
for _ in range(15):
    ids = rng.choice(40, 10, replace=False).astype(np.int64)
    stamps = rng.integers(0, 3, 10)
    packed.add(ids, stamps, [np.full(50 + run, run * 10.0 + stamp) for run, stamp in zip(ids, stamps)])
    for stamp in range(3):
        for run, row in enumerate(packed.read(np.arange(40), np.full(40, stamp))):
            assert row is None or (row == run * 10.0 + stamp).all() and len(row) == 50 + run
"""


def test_processes_that_add_at_once_never_mix_the_rows_of_runs_or_stamps(tmp_path):
    cache = tmp_path / ".typedxp"
    commands = [[sys.executable, "-c", ADDER, str(cache), str(seed)] for seed in range(3)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]

    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 3
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["0.nc"]


def test_threads_read_and_add_at_the_same_time(packed):
    rows = {run: np.full(100, float(run)) for run in range(200)}
    add(packed, rows)

    def work(seed):
        ids = random.Random(seed).sample(range(200), 20)
        add(packed, {ids[0]: rows[ids[0]]})
        return all(same(row, rows[run]) for run, row in zip(ids, read(packed, *ids), strict=True))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(24)))


def test_one_run_is_read_from_one_file(packed):
    add(packed, {run: np.full(5, float(run)) for run in range(0, 5000, 7)})
    wanted = 2002
    for path in files(packed):
        if path.name != "1.nc":
            path.unlink()

    assert same(read(packed, wanted)[0], np.full(5, float(wanted)))
