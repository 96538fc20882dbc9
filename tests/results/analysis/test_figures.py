"""Curves show the mean of what is there, say what they show, and keep what made them in their file."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import xarray
from matplotlib.colors import to_hex
from PIL import Image

from typedxp.errors import ResultsError
from typedxp.results.analysis.figures import curve, make_axes, save
from typedxp.results.analysis.provenance import Provenance
from typedxp.results.analysis.trace import trace

MADE = Provenance('/home/"user"/lo-->gs (1)\\', "träin & <test>", (1, 2, 3, 7), {"1a2b+": (1, 2), "2b3c": (3, 7)})


@pytest.fixture
def loss():
    """The loss of two learning rates, two optimizers and three seeds along ten steps; one run ends after six."""
    lr, optimizer, seed, step = np.ogrid[1:3, 0:2, 0:3, 0:10]
    values = 10.0 * lr + 5 * optimizer + seed - 0.1 * step
    values[0, 0, 2, 6:] = np.nan
    return xarray.DataArray(
        values,
        {
            "lr": ("lr", [0.1, 0.01], {"key": "optimizer.lr", "units": "1/s"}),
            "optimizer": ["sgd", "adam"],
            "seed": [0, 1, 2],
            "epoch": ("train.step", np.arange(10) * 10),
        },
        ("lr", "optimizer", "seed", "train.step"),
        "train.loss",
        {"long_name": "loss", "units": "nat"},
    )


@pytest.fixture
def ax():
    return make_axes()


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_curve_is_the_mean_along_the_steps(loss, ax):
    drawn = curve(loss.isel(lr=1, optimizer=0), over="seed", band="std", ax=ax)

    [line] = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata(), 21 - 0.1 * np.arange(10))
    assert line.get_xdata().tolist() == list(range(10))
    assert drawn is ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("train.step", "loss [nat]")
    assert ax.get_legend() is None


def test_the_band_is_the_interval(loss, ax):
    curve(loss.isel(lr=1, optimizer=0), over="seed", band="std", ax=ax)

    [band] = ax.collections
    corners = band.get_paths()[0].vertices
    assert corners[corners[:, 0] == 0, 1].min() == pytest.approx(20)
    assert corners[corners[:, 0] == 0, 1].max() == pytest.approx(22)


def test_a_curve_needs_no_band(loss, ax):
    curve(loss.isel(lr=1, optimizer=0), over="seed", band=None, ax=ax)
    curve(loss.isel(lr=1, optimizer=0, seed=0), ax=ax)

    assert len(ax.get_lines()) == 2
    assert len(ax.collections) == 0


def test_each_label_has_a_colour_and_each_style_a_dash(loss, ax):
    curve(loss, hue="lr", style="optimizer", over="seed", band="sem", ax=ax)

    lines = ax.get_lines()
    assert [to_hex(line.get_color()) for line in lines] == ["#1f77b4", "#1f77b4", "#ff7f0e", "#ff7f0e"]
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-", "--"]
    assert labels(ax) == ["0.1, sgd", "0.1, adam", "0.01, sgd", "0.01, adam"]
    assert ax.get_legend().get_title().get_text() == "optimizer.lr [1/s], optimizer"


def test_one_name_may_give_colour_and_dash(loss, ax):
    curve(loss.isel(lr=0), hue="optimizer", style="optimizer", over="seed", band=None, ax=ax)

    assert [line.get_linestyle() for line in ax.get_lines()] == ["-", "--"]
    assert labels(ax) == ["sgd", "adam"]


def test_beyond_the_end_of_a_run_the_mean_is_that_of_the_others(loss, ax):
    curve(loss.isel(lr=0, optimizer=0), over="seed", band="std", ax=ax)

    [line] = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata()[[5, 6]], [11 - 0.5, 10.5 - 0.6])


def test_a_line_joins_what_is_there(loss, ax):
    sparse = loss.where(loss["epoch"] % 20 == 0)
    curve(sparse.isel(lr=1, optimizer=0), hue="seed", ax=ax)

    assert [line.get_xdata().tolist() for line in ax.get_lines()] == [[0, 2, 4, 6, 8]] * 3


def test_a_curve_without_any_value_is_left_out(loss, ax):
    curve(loss.where(loss["lr"] == 0.1), hue="lr", over=["seed", "optimizer"], band=None, ax=ax)

    assert labels(ax) == ["0.1"]


def test_a_coordinate_of_the_steps_may_be_x(loss, ax):
    curve(loss.isel(lr=1, optimizer=0), x="epoch", over="seed", band=None, ax=ax)

    assert ax.get_lines()[0].get_xdata().tolist() == list(range(0, 100, 10))
    assert ax.get_xlabel() == "epoch"


def test_numbers_along_x_are_put_in_order(loss, ax):
    curve(loss.isel({"train.step": 0}), x="lr", hue="optimizer", over="seed", band=None, ax=ax)

    assert ax.get_lines()[0].get_xdata().tolist() == [0.01, 0.1]
    assert ax.get_lines()[0].get_marker() == "."


def test_text_along_x_gives_points_with_error_bars(loss, ax):
    curve(loss.isel({"train.step": 0}), x="optimizer", hue="lr", over="seed", band="std", ax=ax)

    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["sgd", "adam"]
    assert labels(ax) == ["0.1", "0.01"]
    [first, second] = ax.containers
    assert first.lines[0].get_linestyle() == "None"
    np.testing.assert_allclose(first.lines[0].get_ydata(), [11, 16])
    assert first.lines[0].get_xdata()[0] < 0 < second.lines[0].get_xdata()[0]
    [bars] = first.lines[2]
    np.testing.assert_allclose(bars.get_segments()[0][:, 1], [10, 12])


def test_runs_in_a_list_are_drawn_by_their_keys(loss, ax):
    listed = loss.stack(each=("lr", "optimizer", "seed")).reset_index("each")
    for name in ("lr", "optimizer", "seed"):
        listed[name].attrs["key"] = name
    curve(listed, hue="lr", over=["seed", "optimizer"], band="std", ax=ax)
    expected = curve(loss, hue="lr", over=["seed", "optimizer"], band="std", ax=make_axes())

    for line, other in zip(ax.get_lines(), expected.get_lines(), strict=True):
        np.testing.assert_allclose(line.get_ydata(), other.get_ydata())
    with pytest.raises(ResultsError, match="differ in optimizer"):
        curve(listed, hue="lr", over="seed", ax=ax)


def test_curves_on_the_same_axes_have_colours_of_their_own(loss, ax):
    for place, label in enumerate(["first", "second"]):
        curve(loss.isel(lr=place, optimizer=0), over="seed", band=None, ax=ax, label=label)

    assert labels(ax) == ["first", "second"]
    assert len({line.get_color() for line in ax.get_lines()}) == 2


def test_many_curves_have_different_colours(ax):
    many = xarray.DataArray(np.arange(60.0).reshape(20, 3), dims=("k", "s.step"), name="x")

    curve(many, hue="k", ax=ax)

    assert len({to_hex(line.get_color()) for line in ax.get_lines()}) == 20
    assert labels(ax) == [str(k) for k in range(20)]


def test_a_dimension_that_has_no_place_is_refused(loss, ax):
    with pytest.raises(ResultsError, match=r"no place here for optimizer \(2 long\).*over=\.\.\."):
        curve(loss, hue="lr", over="seed", ax=ax)
    with pytest.raises(ResultsError, match="Say which of lr, optimizer goes along x"):
        curve(loss.isel({"train.step": 0}), over="seed", ax=ax)
    with pytest.raises(ResultsError, match="no dimension that could go along x: leave one of seed"):
        curve(loss[0, 0, :, 0], over="seed", ax=ax)


def test_names_that_are_not_known_are_refused(loss, ax):
    with pytest.raises(ResultsError, match=r"no dimension 'sed'\. Did you mean seed"):
        curve(loss, hue="lr", over="sed", ax=ax)
    with pytest.raises(ResultsError, match="holds no numbers"):
        curve(loss["optimizer"], ax=ax)


@pytest.mark.parametrize("name", ["$\\frac", "_hidden", "a\nb", "x" * 200, "\x00\x07"])
def test_hostile_names_can_be_drawn(loss, ax, tmp_path, name):
    named = loss.isel(lr=0).assign_coords(optimizer=[name, "adam"]).assign_attrs(long_name=name)

    curve(named, hue="optimizer", over="seed", band=None, ax=ax)
    save(ax, tmp_path / "a.png", MADE)

    assert len(labels(ax)) == 2


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_a_figure_says_what_made_it(loss, ax, tmp_path, kind):
    curve(loss.isel(optimizer=0), hue="lr", over="seed", band="std", ax=ax)

    save(ax, tmp_path / f"a.{kind}", MADE)
    save(ax, tmp_path / f"b.{kind}", MADE)

    assert trace(tmp_path / f"a.{kind}") == MADE
    if kind == "png":  # the others have random names in them
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_a_saved_picture_is_a_picture(ax, tmp_path):
    save(ax, tmp_path / "a.png", MADE, dpi=100)

    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 300


def test_a_file_that_cannot_keep_what_made_it_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"ends in \.png, \.pdf, \.svg"):
        save(make_axes(), tmp_path / "a.jpg", MADE)
    with pytest.raises(ResultsError, match="cannot be written: No such file"):
        save(make_axes(), tmp_path / "none" / "a.png", MADE)


SCRIPT = """
import sys
import numpy, xarray
from typedxp.results.analysis.figures import curve, make_axes
assert "matplotlib" not in sys.modules
array = xarray.DataArray(numpy.ones((2, 3)), dims=("seed", "s.step"), name="x")
import matplotlib
before = dict(matplotlib.rcParams)
curve(array, over="seed", band="std", ax=make_axes())
assert "matplotlib.pyplot" not in sys.modules
assert dict(matplotlib.rcParams) == before
ax = curve(array, over="seed", band="std")
print(len(ax.get_lines()))
"""


@pytest.mark.parametrize("backend", ["agg", "tkagg"])
def test_without_a_display_a_curve_is_drawn_and_nothing_else_is_changed(backend):
    environment = {"MPLBACKEND": backend, "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, env=environment)

    assert ran.stdout == "1\n", ran.stderr


def test_without_matplotlib_the_error_says_what_to_install(loss, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(ResultsError, match=r"A figure needs matplotlib.*pip install 'typedxp\[analysis\]'"):
        make_axes()
    with pytest.raises(ResultsError, match="A figure needs matplotlib"):
        curve(loss.isel(lr=0, optimizer=0), over="seed", band="std")
