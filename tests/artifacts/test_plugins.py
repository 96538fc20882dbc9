"""Kinds that other packages bring: installed ones work, broken ones are named and harm nobody else."""

from __future__ import annotations

import sys

import pytest

from typedxp.errors import RecordError, ResultsError

MODULE = """
class Color:
    def __init__(self, name):
        self.name = name

class ColorKind:
    name = "color"
    suffixes = (".color",)
    def accepts(self, value):
        return isinstance(value, Color)
    def save(self, value, path):
        path.write_text(value.name)
    def load(self, path):
        return Color(path.read_text())

class Picky(ColorKind):
    name = "picky"
    def accepts(self, value):
        raise ZeroDivisionError("ouch")

class Bare(ColorKind):
    name = "bare"
    suffixes = ()
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with these entry points."""
    site = tmp_path / "site"
    (site / "colors-1.0.dist-info").mkdir(parents=True)
    (site / "some_colors.py").write_text(MODULE)
    (site / "colors-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: colors\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(site)

    def write(**entry_points):
        lines = ["[typedxp.artifacts]", *(f"{name} = {value}" for name, value in entry_points.items())]
        (site / "colors-1.0.dist-info" / "entry_points.txt").write_text("\n".join(lines))
        import some_colors

        return some_colors

    yield write
    sys.modules.pop("some_colors", None)


def test_an_installed_kind_saves_and_loads(artifacts, install):
    colors = install(color="some_colors:ColorKind")

    record = artifacts.save(colors.Color("red"), "background")

    assert (record.name, record.kind) == ("background.color", "color")
    assert artifacts.load("background.color").name == "red"


def test_a_broken_kind_is_named_and_harms_nobody_else(artifacts, install):
    colors = install(
        broken="no_such_module:Kind", picky="some_colors:Picky", bare="some_colors:Bare", color="some_colors:ColorKind"
    )

    assert artifacts.save(colors.Color("red"), "a").kind == "color"
    assert artifacts.save([1], "a.json").kind == "json"
    with pytest.raises(RecordError) as caught:
        artifacts.save(object(), "a")
    assert "The kind of artifact 'broken' from the package 'colors' does not load: ModuleNotFoundError" in str(
        caught.value
    )
    assert "The kind of artifact 'bare' from the package 'colors' does not load: ValueError: its suffixes" in str(
        caught.value
    )
    assert "The kind of artifact 'picky' fails on a object: ZeroDivisionError: ouch" in str(caught.value)


def test_what_a_kind_that_nobody_knows_holds_comes_back_as_its_path(artifacts, install):
    colors = install(color="some_colors:ColorKind")
    artifacts.save(colors.Color("red"), "a.color")
    install()

    assert artifacts.load("a.color").read_text() == "red"


def test_a_kind_that_no_longer_loads_is_named(artifacts, install):
    colors = install(color="some_colors:ColorKind")
    artifacts.save(colors.Color("red"), "a.color")
    install(color="no_such_module:Kind")

    with pytest.raises(ResultsError, match="'color' from the package 'colors' does not load"):
        artifacts.load("a.color")


def test_a_kind_that_does_not_exist_is_refused_with_the_nearest(artifacts):
    with pytest.raises(RecordError, match="Did you mean json"):
        artifacts.save([1], "a", kind="jsn")
