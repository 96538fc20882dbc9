"""``typedxp plot``: what goes where, and the files it becomes."""

from __future__ import annotations

import re
import sys

import pytest

from typedxp.results.analysis.trace import trace

pytest.importorskip("matplotlib")


def texts(path):
    """Return what is written in a figure: matplotlib leaves it in comments, before the outlines of the letters."""
    return set(re.findall(r"<!-- (.*?) -->", path.read_text()))


@pytest.mark.parametrize("name", ["fig.png", "fig.pdf", "fig.svg"])
def test_a_figure_is_written_whole_and_says_what_made_it(typed, tmp_path, name):
    printed = typed("plot", "train.loss", "--over", "seed", "-o", name)

    assert printed.out == f"{name}\n"
    assert "failed: 1, missing: 1" in printed.err
    assert trace(tmp_path / name).runs == tuple(range(1, 12))
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "logs"]


def test_keys_without_a_place_give_the_colour_and_the_dash(typed, tmp_path):
    typed("plot", "train.loss", "--over", "seed", "-o", "fig.svg")

    assert {"train.loss", "train.step", "step size, optimizer", "0.1, sgd", "0.2, adam"} <= texts(tmp_path / "fig.svg")


def test_a_key_can_go_along_x_with_the_last_value_of_each_run(typed, tmp_path):
    typed("plot", "train.loss", "--x", "lr", "--over", "seed", "--band", "none", "-o", "fig.svg", "--logx")

    shown = texts(tmp_path / "fig.svg")
    assert {"step size", "sgd", "adam"} <= shown
    assert any("10^{-1}" in text for text in shown)


def test_without_steps_a_key_goes_along_x(typed, tmp_path):
    typed("plot", "attempt", "--over", "seed", "--hue", "optimizer", "-o", "fig.svg")

    assert {"step size", "how often the run was started", "sgd"} <= texts(tmp_path / "fig.svg")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train.lss"], "There is no variable 'train.lss'. Did you mean train.loss?"),
        (["train.loss"], "train.loss varies along seed, too: average by --over seed, or choose by --where."),
        (["train.loss", "--over", "sede"], "train.loss has no dimension 'sede'. Did you mean seed?"),
        (["train.loss", "-o", "fig.gif"], "name a file that ends in .png, .pdf, .svg."),
        (["train.loss", "--over", "seed", "--band", "box"], "'box' is not one of"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(typed, tmp_path, arguments, said):
    printed = typed("plot", "-o", "fig.png", *arguments, code=2)

    assert said in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_a_library_that_is_missing_is_named_with_its_remedy(typed, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    printed = typed("plot", "train.loss", "--over", "seed", "-o", "fig.png", code=2)

    assert "pip install 'typedxp[analysis]'" in printed.err
    assert not (tmp_path / "fig.png").exists()
