"""Reading the YAML that other tools write."""

import pytest

from typedxp import ResultsError
from typedxp.results.sources.documents import read_mapping


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "config.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_mapping(path)

    return read


def test_plain_values_have_the_types_that_they_were_written_with(read):
    assert read("a: 1\nb: 1.0e-05\nc: true\nd: null\ne: '1e-3'\nf:\n- 1\n- g: ${a}\n") == {
        "a": 1,
        "b": 1e-05,
        "c": True,
        "d": None,
        "e": "1e-3",
        "f": [1, {"g": "${a}"}],
    }


def test_paths_and_tuples_become_plain(read):
    text = "p: !!python/object/apply:pathlib.PosixPath\n- /\n- data\n- x\nt: !!python/tuple [1, 2]\n"

    assert read(text) == {"p": "/data/x", "t": [1, 2]}


def test_a_tag_never_makes_anything_happen(read, tmp_path):
    victim = tmp_path / "made"
    value = read(f"a: !!python/object/apply:os.mkdir ['{victim}']\nb: !!python/name:os.system ''\nc: !own {{x: 1}}\n")

    assert not victim.exists()
    assert value == {"a": f"['{victim}']", "b": "os.system", "c": "{'x': 1}"}


def test_dates_and_bytes_stay_the_text_that_was_written(read):
    assert read("day: 2026-11-21\ndata: !!binary eHg=\nempty: !own ''\n") == {
        "day": "2026-11-21",
        "data": "eHg=",
        "empty": "!own",
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", r"config\.yaml is empty"),
        ("- 1\n", r"config\.yaml is no mapping"),
        ("a: [1,", r"config\.yaml is not YAML"),
        ("a: \x00", r"config\.yaml is not YAML"),
        ("? [1, 2]\n: 3\n? {a: 1}\n: 4\n", r"config\.yaml is not YAML"),
        (b"a: caf\xe9\n", r"config\.yaml is not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named(read, text, what):
    with pytest.raises(ResultsError, match=what):
        read(text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ResultsError, match=r"none\.yaml cannot be read: No such file"):
        read_mapping(tmp_path / "none.yaml")
