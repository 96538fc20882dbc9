"""Which names artifacts can have: none that leads out of their directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.artifacts.names import parts
from typedxp.errors import RecordError

PIECES = st.sampled_from(
    ["..", ".", "/", "//", "\\", "\0", "a", "b.npy", ".hidden", "~", "\n", " ", "\u202e", "é", "\udc80"]
)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("..", "leads elsewhere"),
        ("a/../../b", "leads elsewhere"),
        ("./a", "leads elsewhere"),
        ("a//b", "empty"),
        ("a/", "empty"),
        (".hidden", "reserved"),
        ("a/.b.npy.json", "reserved"),
        ("a\\b", "backslash"),
        ("a\0b", "invisible"),
        ("a\nb", "invisible"),
        ("\u202eexe.txt", "invisible"),
        ("\udc80", "invisible"),
        ("a" * 201, "longer"),
        ("/".join(["a" * 100] * 11), "longer"),
        (3, "not text"),
        (None, "not text"),
        (Path("a"), "not text"),
    ],
)
def test_an_unsafe_name_is_refused_with_what_is_wrong_with_it(artifacts, name, problem):
    with pytest.raises(RecordError, match=problem):
        artifacts.save(1, name)
    with pytest.raises(RecordError, match=problem):
        artifacts.load(name)
    with pytest.raises(RecordError, match=problem):
        artifacts.record(name)

    assert not artifacts.directory.exists()


@given(st.one_of(st.text(), st.lists(PIECES, max_size=8).map("".join)))
def test_a_name_is_refused_or_stays_in_the_directory(name):
    try:
        split = parts(name)
    except RecordError as error:
        problem = str(error)
    else:
        problem = ""
    if problem:
        assert "cannot be called" in problem
        return
    path = os.path.normpath(Path("/root/artifacts", *split))
    assert path == "/root/artifacts/" + name
    assert not any(part.startswith(".") for part in split)


@pytest.mark.parametrize(
    "name", ["a.json", "deep/er/x y.json", "Größe.json", "~.json", "-rf.json", "a';b$(c).json", "a.json.json"]
)
def test_a_safe_name_is_the_path_of_the_file(artifacts, name):
    artifacts.save([name], name)

    assert artifacts.load(name) == [name]
    assert (artifacts.directory / name).is_file()
    assert artifacts.names() == (name,)


def test_names_beside_each_other_do_not_clash(artifacts):
    names = ("a.json", "a.json.json", "a/b.json", "a.txt", "b.json/a.json", "json.json")
    for name in names:
        artifacts.save(name, name)

    assert artifacts.names() == tuple(sorted(names))
    assert [artifacts.load(name) for name in names] == list(names)


def test_nothing_is_put_below_an_artifact_or_in_the_place_of_other_artifacts(artifacts, tmp_path):
    (tmp_path / "model").mkdir()
    artifacts.save(tmp_path / "model", "model")
    artifacts.save(1, "plots/a.json")

    with pytest.raises(RecordError, match="'model' is an artifact"):
        artifacts.save(1, "model/a.json")
    with pytest.raises(RecordError, match="directory of other artifacts"):
        artifacts.save(tmp_path / "model", "plots")

    assert artifacts.names() == ("model", "plots/a.json")


def test_a_name_without_a_suffix_gets_the_natural_one_and_finds_it_again(artifacts):
    assert artifacts.save({"a": 1}, "result").name == "result.json"
    assert artifacts.load("result") == {"a": 1}
    assert artifacts.path("result") == artifacts.directory / "result.json"

    artifacts.save("text", "result")
    with pytest.raises(Exception, match=r"no artifact 'result'.*result\.json, result\.txt"):
        artifacts.load("result")
