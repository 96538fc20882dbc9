"""Which runs made a result is counted from what is there, written into every kind of file, and read back."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st

from typedxp.errors import ResultsError
from typedxp.results.analysis.provenance import (
    Provenance,
    describe,
    parse_ids,
    parse_versions,
    spell_ids,
    spell_versions,
    unite,
)
from typedxp.results.analysis.trace import trace
from typedxp.vocabulary.version import VERSION

HOSTILE = 'a"b\\ -->\n% \\input{x}\r\n# <script>&amp; \u2028 \x7f --!> *)'
MADE = Provenance("/home/user/logs", "train", (1, 2, 3, 7), {"1a2b3c4d+": (1, 2), "2b3c4d5e": (3, 7)}, "0.1.0")
ATTRS = {"experiment": "train", "store": "/logs", "runs": "1-6", "versions": "aa: 1-4; bb+: 5-6"}


@pytest.fixture
def dataset():
    """Two learning rates by three seeds; the runs 5 and 6 come from a changed version, one run is not there."""
    runs = np.array([[1, 2, 3], [4, 5, -1]])
    code = np.array([["aa", "aa", "aa"], ["aa", "bb+", ""]])
    return xarray.Dataset(
        {"train.loss": (("lr", "seed"), np.arange(6.0).reshape(2, 3), {"long_name": "loss"})},
        {"lr": [0.1, 0.01], "seed": [0, 1, 2], "run": (("lr", "seed"), runs), "code": (("lr", "seed"), code)},
        ATTRS,
    )


@given(st.sets(st.integers(0, 60)))
def test_ids_in_short_are_read_back(ids):
    assert parse_ids(spell_ids(ids)) == tuple(sorted(ids))


@given(st.dictionaries(st.text("abc0123+-", min_size=1), st.sets(st.integers(1, 30), min_size=1)))
def test_versions_in_short_are_read_back(versions):
    assert parse_versions(spell_versions(versions)) == {name: tuple(sorted(ids)) for name, ids in versions.items()}


def test_ids_are_spelled_in_spans():
    assert spell_ids([25, 3, 2, 1, 2]) == "1-3,25"
    assert spell_ids([]) == ""


@pytest.mark.parametrize(
    "text", ["x", "1-", "3-1", "-4", "1-99999999999999", "1-9000000,20000000-29000000", "__import__"]
)
def test_what_does_not_list_ids_is_refused(text):
    with pytest.raises(ResultsError, match="does not list ids"):
        parse_ids(text)


def test_the_runs_are_counted_from_the_coordinates(dataset):
    assert describe(dataset) == {"runs": "1-5", "versions": "aa: 1-4; bb+: 5"}
    assert describe(dataset.isel(lr=0)["train.loss"]) == {"runs": "1-3", "versions": "aa: 1-3"}
    assert describe(dataset.sel(lr=0.01, seed=1)) == {"runs": "5", "versions": "bb+: 5"}


def test_a_version_that_is_not_known_is_called_so(dataset):
    dataset["code"] = dataset["code"].where(dataset["code"] != "bb+", "")

    assert describe(dataset)["versions"] == "aa: 1-4; unknown: 5"


def test_the_attributes_count_where_a_reduction_left_out_the_coordinates(dataset):
    assert describe(dataset.mean("seed", keep_attrs=True)) == {"runs": "1-6", "versions": "aa: 1-4; bb+: 5-6"}
    assert describe(dataset.drop_vars("code").isel(lr=0)) == {"runs": "1-3", "versions": "aa: 1-3"}
    assert describe(xarray.Dataset()) == {}


def test_a_coordinate_run_of_the_users_own_is_no_id(dataset):
    named = dataset.assign_coords(run=("lr", ["first", "second"]))

    assert describe(named)["runs"] == "1-6"


def test_attributes_are_read_back():
    assert Provenance.from_attrs(MADE.attrs()) == MADE
    assert Provenance.from_attrs({"runs": 3, "store": None}) == Provenance(typedxp="")


@pytest.mark.parametrize("prefix", ["# ", "% ", ""])
def test_lines_of_text_are_read_back(prefix):
    text = f"before\n{MADE.lines(prefix)}after\n"

    assert Provenance.from_lines(text) == MADE
    assert Provenance.from_lines(text.replace("\n", "\r\n")) == MADE


def test_a_text_without_such_lines_says_nothing():
    assert Provenance.from_lines("typedxp is a package\n") is None


def test_blocks_of_several_tables_count_together():
    other = Provenance("/home/user/logs", "test", (7, 8), {"2b3c4d5e": (7, 8)}, "0.1.0")

    both = Provenance.from_lines(MADE.lines("% ") + "table\n" + other.lines("% "))

    assert both == unite([MADE, other])
    assert both.runs == (1, 2, 3, 7, 8)
    assert both.experiment == "train, test"
    assert both.versions["2b3c4d5e"] == (3, 7, 8)


@given(st.text() | st.just(HOSTILE))
def test_a_hostile_name_does_not_break_out_of_a_comment(name):
    made = Provenance(store=name, experiment=name)
    comment = made.html_comment()

    assert Provenance.from_lines(made.lines("% ")) == (made if name else None)
    assert all(line.startswith("% typedxp ") and line.isascii() for line in made.lines("% ").splitlines())
    assert comment.count("--") == 2
    assert "<" not in comment[4:]
    assert ">" not in comment[4:-4]


def test_lines_that_were_changed_by_hand_are_refused():
    with pytest.raises(ResultsError, match="does not list ids"):
        Provenance.from_lines('# typedxp runs: "1-"\n')
    with pytest.raises(ResultsError, match="not text as typedxp writes it"):
        Provenance.from_lines('# typedxp store: "\\x"\n')


def test_what_is_written_now_is_written_by_this_release(dataset):
    made = Provenance.of(dataset)

    assert made == Provenance("/logs", "train", (1, 2, 3, 4, 5), {"aa": (1, 2, 3, 4), "bb+": (5,)}, VERSION)


def test_a_dataset_in_a_netcdf_file_says_what_made_it(dataset, tmp_path):
    dataset.isel(lr=0).to_netcdf(tmp_path / "some.nc")
    dataset.mean("seed", keep_attrs=True).to_netcdf(tmp_path / "mean.nc")

    assert trace(tmp_path / "some.nc").runs == (1, 2, 3)
    assert trace(tmp_path / "mean.nc") == Provenance.from_attrs(ATTRS)


def test_an_array_in_a_netcdf_file_says_what_made_it(dataset, tmp_path):
    array = dataset["train.loss"].assign_attrs(MADE.attrs())

    array.mean("seed", keep_attrs=True).to_netcdf(tmp_path / "array.nc")

    assert trace(tmp_path / "array.nc") == MADE


def test_a_tree_in_a_netcdf_file_names_the_runs_of_all_its_nodes(dataset, tmp_path):
    tree = xarray.DataTree.from_dict({"/sgd": dataset.isel(lr=0), "/adam": dataset.isel(lr=[1])})

    tree.to_netcdf(tmp_path / "tree.nc")

    assert trace(tmp_path / "tree.nc").runs == (1, 2, 3, 4, 5)


def test_a_long_list_of_runs_fits_into_a_netcdf_file(tmp_path):
    odd = tuple(range(1, 100_001, 2))

    xarray.Dataset(attrs=Provenance("/logs", runs=odd).attrs()).to_netcdf(tmp_path / "odd.nc")

    assert trace(tmp_path / "odd.nc").runs == odd


@pytest.mark.filterwarnings("ignore::Warning:zarr")
def test_a_zarr_directory_says_what_made_it(dataset, tmp_path):
    pytest.importorskip("zarr", reason="needs zarr: pip install zarr")
    dataset.drop_vars(["run", "code"]).to_zarr(tmp_path / "out.zarr", consolidated=False)

    assert trace(tmp_path / "out.zarr") == Provenance.from_attrs(ATTRS)


@pytest.mark.parametrize(("name", "prefix"), [("a.csv", "# "), ("a.tex", "% ")])
def test_a_table_as_text_says_what_made_it(tmp_path, name, prefix):
    (tmp_path / name).write_text(MADE.lines(prefix) + "1,2\n")

    assert trace(tmp_path / name) == MADE


@pytest.mark.parametrize("name", ["a.html", "a.md", "a.svg"])
def test_a_comment_says_what_made_a_page(tmp_path, name):
    (tmp_path / name).write_text("<p>\n" + MADE.html_comment() + "</p>\n")

    assert trace(tmp_path / name) == MADE


@pytest.mark.parametrize("name", ["a.nc", "a.zarr", "a.csv", "a.png", "a.pdf", "a.svg"])
def test_a_file_that_is_not_there_is_refused(tmp_path, name):
    if name == "a.zarr":
        pytest.importorskip("zarr", reason="needs zarr: pip install zarr")
    with pytest.raises(ResultsError, match=f"{name} cannot be"):
        trace(tmp_path / name)


@pytest.mark.parametrize("name", ["a.nc", "a.png"])
def test_a_damaged_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"garbage")

    with pytest.raises(ResultsError, match=f"{name} cannot be"):
        trace(tmp_path / name)


def test_a_picture_that_was_cut_off_does_not_say_what_made_it(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXttype")

    with pytest.raises(ResultsError, match="does not say what made it"):
        trace(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.csv", "a.pdf", "a.svg"])
def test_a_file_that_does_not_say_what_made_it_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"1,2\n\xff")

    with pytest.raises(ResultsError, match="does not say what made it"):
        trace(tmp_path / name)


def test_a_dataset_of_others_is_refused(tmp_path):
    xarray.Dataset({"x": ("y", [1, 2])}).to_netcdf(tmp_path / "other.nc")

    with pytest.raises(ResultsError, match="does not say what made it"):
        trace(tmp_path / "other.nc")


def test_a_kind_of_file_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"\.nc, \.zarr, \.csv"):
        trace(tmp_path / "a.docx")
