"""Tables show means as their spread allows, keep the numbers, and say which runs made them."""

from __future__ import annotations

import io
import math
import sys

import numpy as np
import pandas as pd
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st

from typedxp.errors import ResultsError
from typedxp.results.analysis.provenance import Provenance
from typedxp.results.analysis.rounding import Rounded, round_pair
from typedxp.results.analysis.tables import make_table
from typedxp.results.analysis.trace import trace

HOSTILE = "a_b|<script>&%$\n\\end{tabular} -->"


@pytest.fixture
def accuracy():
    """Two learning rates by two optimizers by four seeds; adam has no run with the second one."""
    values = np.array(
        [
            [[0.90, 0.92, 0.94, 0.92], [0.95, 0.95, 0.97, 0.97]],
            [[0.80, 0.80, 0.80, 0.80], [np.nan, np.nan, np.nan, np.nan]],
        ]
    )
    runs = np.where(np.isnan(values), -1, np.arange(1, 17).reshape(2, 2, 4))
    dims = ("lr", "optimizer", "seed")
    return xarray.DataArray(
        values,
        {
            "lr": ("lr", [0.1, 0.01], {"key": "optimizer.lr", "units": "1/s"}),
            "optimizer": ("optimizer", ["sgd", "adam"], {"key": "optimizer"}),
            "seed": [0, 1, 2, 3],
            "run": (dims, runs),
            "code": (dims, np.full(runs.shape, "1a2b")),
        },
        dims,
        "test.accuracy",
        {"units": "%", "experiment": "train", "store": "/logs"},
    )


@pytest.fixture
def listed(accuracy):
    """The same runs, one after the other, with their keys as coordinates."""
    stacked = accuracy.stack(each=("lr", "optimizer", "seed")).reset_index("each").dropna("each")
    for name in ("lr", "optimizer", "seed"):
        stacked[name].attrs["key"] = name
    return stacked.drop_vars("run").assign_coords(run=("each", np.arange(stacked.size) + 1))


@pytest.mark.parametrize(
    ("mean", "spread", "shown"),
    [
        (0.91234, 0.0234, ("0.91", "0.02", 0)),
        (0.91234, 0.0134, ("0.912", "0.013", 0)),
        (0.91234, 0.096, ("0.91", "0.10", 0)),
        (1234.5, 56.0, ("1230", "60", 0)),
        (-0.001, 0.04, ("0.00", "0.04", 0)),
        (1.2345e-7, 2e-9, ("1.23", "0.02", -7)),
        (12345678.0, 400000.0, ("1.23", "0.04", 7)),
        (0.0, 0.0, ("0", "0", 0)),
        (0.91234, math.nan, ("0.9123", "", 0)),
        (0.5, math.nan, ("0.5", "", 0)),
        (123456.0, math.nan, ("123456", "", 0)),
        (0.8, 0.0, ("0.8", "0", 0)),
        (0.8, 1e-17, ("0.8", "0", 0)),
        (1e300, 1e299, ("1.00", "0.10", 300)),
        (5e-324, math.nan, ("4.941", "", -324)),
    ],
)
def test_a_mean_is_rounded_as_its_spread_allows(mean, spread, shown):
    assert round_pair(mean, spread) == Rounded(*shown)


def test_digits_are_those_after_the_point():
    assert round_pair(0.91234, 0.0234, 3) == Rounded("0.912", "0.023")
    assert round_pair(123456789.0, math.nan, 0) == Rounded("123456789")


@given(st.floats(-1e290, 1e290, allow_subnormal=False), st.floats(1e-12, 1e6))
def test_what_is_shown_is_near_the_mean(mean, share):
    spread = share * (abs(mean) or 1.0)
    shown = round_pair(mean, spread)

    assert abs(float(f"{shown.mean}e{shown.exponent}") - mean) <= 0.51 * spread + abs(mean) * 1e-12


def test_the_numbers_stay_accessible(accuracy):
    table = make_table(accuracy, "lr", "optimizer", "seed")

    assert table.mean.loc[0.1, "sgd"] == pytest.approx(0.92)
    assert table.spread.loc[0.1, "sgd"] == pytest.approx(np.std([0.90, 0.92, 0.94, 0.92], ddof=1))
    assert table.count.to_numpy().tolist() == [[4, 4], [4, 0]]
    assert table.frame.loc[(0.01, "sgd"), "n"] == 4
    assert table.frame.columns.tolist() == ["mean", "std", "n"]


def test_the_spread_may_be_a_standard_error_or_half_an_interval(accuracy):
    std, sem = (make_table(accuracy, "lr", "optimizer", "seed", spread=kind).spread for kind in ("std", "sem"))

    assert sem.loc[0.1, "sgd"] == pytest.approx(std.loc[0.1, "sgd"] / 2)


def test_half_of_an_interval_is_that_of_student(accuracy):
    stats = pytest.importorskip("scipy.stats", reason="needs scipy: pip install scipy")
    table = make_table(accuracy, "lr", "optimizer", "seed", spread="ci")

    low, high = stats.t.interval(0.95, 3, 0.92, stats.sem([0.90, 0.92, 0.94, 0.92]))
    assert table.spread.loc[0.1, "sgd"] == pytest.approx((high - low) / 2)


def test_a_table_shows_mean_and_spread(accuracy):
    lines = str(make_table(accuracy, "lr", "optimizer", "seed", best="max")).splitlines()

    assert lines[0] == "test.accuracy [%], mean ± std over seed (n = 4)"
    assert lines[1].split() == ["optimizer", "sgd", "adam"]
    assert lines[2].split() == ["optimizer.lr", "[1/s]"]
    assert lines[3].split() == ["0.1", "0.920", "±", "0.016*", "0.960", "±", "0.012*"]
    assert lines[4].split() == ["0.01", "0.8", "±", "0", "\N{EN DASH}"]


def test_the_best_of_each_column_may_be_the_least(accuracy):
    text = make_table(accuracy, "lr", "optimizer", "seed", best="min").to_markdown()

    assert "| 0.01 | **0.8 ± 0** | \N{EN DASH} |" in text
    assert "| 0.1 | 0.920 ± 0.016 | **0.960 ± 0.012** |" in text


def test_markdown_has_one_row_of_headers(accuracy):
    text = make_table(accuracy, "lr", "optimizer", "seed").to_markdown()

    assert "| optimizer.lr [1/s] | optimizer = sgd | optimizer = adam |\n| :--- | ---: | ---: |\n" in text


def test_latex_has_mathematics_and_rules(accuracy):
    pytest.importorskip("jinja2", reason="needs jinja2: pip install jinja2")
    text = make_table(accuracy, "lr", "optimizer", "seed", best="max").to_latex()

    assert r"0.1 & $\mathbf{0.920 \pm 0.016}$ & $\mathbf{0.960 \pm 0.012}$ \\" in text
    assert r"0.01 & $0.8 \pm 0$ & -- \\" in text
    assert r"\toprule" in text


def test_latex_spells_powers_and_infinity(accuracy):
    pytest.importorskip("jinja2", reason="needs jinja2: pip install jinja2")
    small = accuracy.isel(optimizer=0) * 1e-6
    small[1, 0] = np.inf
    text = make_table(small, "lr", [], "seed").to_latex()

    assert r"$(9.20 \pm 0.16) \times 10^{-7}$" in text
    assert r"$\infty$" in text


def test_html_has_a_caption_and_bold_cells(accuracy):
    table = make_table(accuracy, "lr", "optimizer", "seed", best="max")

    assert "<caption>test.accuracy [%], mean ± std over seed (n = 4)</caption>" in table.to_html()
    assert "<td><b>0.920 ± 0.016</b></td>" in table.to_html()
    assert table._repr_html_() == table.to_html()


def test_csv_has_numbers_that_are_not_rounded(accuracy):
    table = make_table(accuracy, "lr", "optimizer", "seed")

    read = pd.read_csv(io.StringIO(table.to_csv()), comment="#", index_col=[0, 1])

    pd.testing.assert_frame_equal(read, table.frame, check_exact=False)


def test_labels_in_csv_begin_no_comment(accuracy):
    labels = ["a#b", "#c", 'd"#', "e,f"]
    named = accuracy.isel(optimizer=0).rename(seed="key#").assign_coords({"key#": labels})

    read = pd.read_csv(io.StringIO(make_table(named, "key#", (), "lr").to_csv()), comment="#")

    assert read["key#"].tolist() == labels
    assert read["mean"].notna().all()


@pytest.mark.parametrize("kind", ["markdown", "html", "latex", "csv"])
def test_a_file_says_which_runs_made_it(accuracy, tmp_path, kind):
    if kind == "latex":
        pytest.importorskip("jinja2", reason="needs jinja2: pip install jinja2")
    path = tmp_path / {"markdown": "a.md", "html": "a.html", "latex": "a.tex", "csv": "a.csv"}[kind]

    text = getattr(make_table(accuracy, "lr", "optimizer", "seed"), f"to_{kind}")(path)

    assert path.read_text("utf-8") == text
    assert trace(path) == Provenance("/logs", "train", tuple(range(1, 13)), {"1a2b": tuple(range(1, 13))})


def test_hostile_labels_are_harmless(accuracy):
    pytest.importorskip("jinja2", reason="needs jinja2: pip install jinja2")
    named = accuracy.assign_coords(optimizer=[HOSTILE, "x" * 200 + "&"]).rename(HOSTILE)
    table = make_table(named, "lr", "optimizer", "seed")
    text, page, latex = table.to_markdown(), table.to_html(), table.to_latex()

    assert r"optimizer = a\_b" not in text
    assert text.count("\n| ") == 4
    assert r"a_b\|\<script>&%$ \\end{tabular} -->" in text
    assert "<script" not in page
    assert f"{'x' * 200}&amp;" in page
    assert r"a\_b\textbar{}\textless{}script\textgreater{}\&\%\$ \textbackslash{}end\{tabular\} --" in latex
    assert latex.count("\n\\end{tabular}") == 1


def test_rows_and_columns_may_be_several_dimensions_or_none(accuracy):
    wide = make_table(accuracy, [], ["lr", "optimizer"], "seed")
    long = make_table(accuracy, ["lr", "optimizer"], (), "seed")

    assert wide.mean.shape == (1, 4)
    assert long.mean.shape == (4, 1)
    assert wide.mean[0.1, "adam"].item() == long.mean.loc[(0.1, "adam")].item() == pytest.approx(0.96)
    assert "| optimizer.lr [1/s] | optimizer | test.accuracy [%] |" in long.to_markdown()


def test_a_table_may_go_over_several_dimensions_or_none(accuracy):
    assert make_table(accuracy, "lr", [], ["seed", "optimizer"]).count.to_numpy().tolist() == [[8], [4]]

    plain = make_table(accuracy, "lr", ["optimizer", "seed"], None)
    assert plain.mean.loc[0.1, ("sgd", 2)] == 0.94
    assert plain.spread.isna().all(axis=None)
    assert plain.caption == "test.accuracy [%]"


def test_runs_in_a_list_are_laid_out_by_their_keys(accuracy, listed):
    expected = make_table(accuracy, "lr", "optimizer", "seed")

    for over in ("seed", "each"):
        table = make_table(listed, "lr", "optimizer", over)
        pd.testing.assert_frame_equal(table.mean, expected.mean)
        pd.testing.assert_frame_equal(table.count, expected.count)


def test_runs_in_a_list_are_not_mixed_by_accident(listed):
    with pytest.raises(ResultsError, match="differ in optimizer: give it a place"):
        make_table(listed, "lr", [], "seed")


def test_runs_of_a_list_can_be_the_rows_if_nothing_else_goes_along_them(listed):
    assert make_table(listed, "each", [], None).mean.shape == (12, 1)
    with pytest.raises(ResultsError, match="goes along each"):
        make_table(listed, "each", "lr", None)


def test_another_coordinate_of_a_dimension_may_be_the_rows(accuracy):
    named = accuracy.assign_coords(speed=("lr", ["fast", "slow"]))

    assert make_table(named, "speed", "optimizer", "seed").mean.index.tolist() == ["fast", "slow"]
    assert make_table(named.assign_coords(speed=("lr", ["same", "same"])), "speed", "optimizer", ["lr", "seed"]).count[
        "sgd"
    ].tolist() == [8]


def test_arrays_that_are_lazy_by_dask_are_computed(accuracy):
    pytest.importorskip("dask", reason="needs dask: pip install 'typedxp[dask]'")
    eager, lazy = (make_table(array, "lr", "optimizer", "seed") for array in (accuracy, accuracy.chunk(seed=2)))

    pd.testing.assert_frame_equal(lazy.frame, eager.frame)


def test_a_dimension_that_has_no_place_is_refused(accuracy):
    steps = accuracy.expand_dims({"test.step": 3})

    with pytest.raises(ResultsError, match=r"no place here for test\.step \(3 long\).*\.xp\.last"):
        make_table(steps, "lr", "optimizer", "seed")


def test_a_dimension_of_one_element_needs_no_place(accuracy):
    one = accuracy.isel(optimizer=[0])

    assert make_table(one, "lr", [], "seed").mean.shape == (2, 1)
    assert make_table(one.isel(optimizer=0), "lr", "optimizer", "seed").mean.columns.tolist() == ["sgd"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lrr", "optimizer", "seed"), "no dimension 'lrr'. Did you mean lr"),
        (("lr", "lr", "seed"), "lr is named twice"),
        (("lr", "run", "seed"), "run is no dimension, but a coordinate along lr, optimizer, seed"),
    ],
)
def test_names_that_cannot_be_used_are_refused(accuracy, arguments, message):
    with pytest.raises(ResultsError, match=message):
        make_table(accuracy, *arguments)


def test_words_that_are_not_known_are_refused(accuracy):
    with pytest.raises(ResultsError, match="ci, sem, std"):
        make_table(accuracy, "lr", "optimizer", "seed", spread="var")
    with pytest.raises(ResultsError, match="max, min"):
        make_table(accuracy, "lr", "optimizer", "seed", best="least")


def test_text_has_no_mean(accuracy):
    with pytest.raises(ResultsError, match="holds no numbers"):
        make_table(accuracy["code"], "lr", "optimizer", "seed")


def test_a_file_that_cannot_be_written_is_an_error_that_says_so(accuracy, tmp_path):
    with pytest.raises(ResultsError, match="cannot be written: No such file"):
        make_table(accuracy, "lr", "optimizer", "seed").to_csv(tmp_path / "none" / "a.csv")


def test_without_jinja2_latex_says_what_to_install(accuracy, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(ResultsError, match=r"needs jinja2.*pip install 'typedxp\[analysis\]'"):
        make_table(accuracy, "lr", "optimizer", "seed").to_latex()
