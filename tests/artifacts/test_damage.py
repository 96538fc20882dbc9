"""Artifacts that were changed after they were saved: they are reported, not loaded."""

from __future__ import annotations

import json
import os
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from typedxp.artifacts.directory import Artifacts
from typedxp.errors import ResultsError


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b" ", lambda data: b"[9, 2]\n"])
def test_changed_bytes_are_damage(artifacts, change):
    artifacts.save([1, 2], "a.json")
    path = artifacts.directory / "a.json"
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(ResultsError, match=r"'a\.json' is damaged"):
        artifacts.load("a.json")


def test_one_changed_byte_of_an_array_is_damage_and_unverified_loading_sees_only_the_size(artifacts):
    artifacts.save(np.zeros(1000), "a.npy")
    path = artifacts.directory / "a.npy"
    with path.open("r+b") as file:
        file.seek(500)
        file.write(b"\1")

    with pytest.raises(ResultsError, match="damaged"):
        artifacts.load("a.npy")
    assert artifacts.load("a.npy", verify=False).any()
    os.truncate(path, 600)
    with pytest.raises(ResultsError, match="damaged"):
        artifacts.load("a.npy", verify=False)


@pytest.mark.parametrize("change", ["add", "remove", "edit", "rename"])
def test_a_changed_directory_is_damage(artifacts, tmp_path, change):
    source = tmp_path / "data"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a.txt").write_text("a")
    artifacts.save(source, "data")
    file = artifacts.load("data") / "deep" / "a.txt"
    changes = {
        "add": lambda: (file.parent / "b.txt").write_text("b"),
        "remove": file.unlink,
        "edit": lambda: file.write_text("b"),
        "rename": lambda: file.rename(file.with_name("b.txt")),
    }
    changes[change]()

    with pytest.raises(ResultsError, match="damaged"):
        artifacts.load("data")


def test_a_missing_file_is_no_artifact(artifacts):
    artifacts.save(1, "a.json")
    artifacts.save(1, "b.json")
    (artifacts.directory / "a.json").unlink()

    assert artifacts.names() == ("b.json",)
    with pytest.raises(ResultsError, match=r"There is no artifact 'a\.json'.*There are: b\.json"):
        artifacts.load("a.json")


def test_a_directory_without_artifacts_has_none(artifacts):
    assert artifacts.names() == ()
    with pytest.raises(ResultsError, match="There is none"):
        artifacts.load("a.json")
    with pytest.raises(ResultsError, match="There is none"):
        artifacts.load("a")
    assert not artifacts.directory.exists()


def test_a_later_format_is_refused(artifacts):
    artifacts.save(1, "a.json")
    path = artifacts.directory / ".a.json.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))

    with pytest.raises(ResultsError, match="a later version wrote it"):
        artifacts.load("a.json")


@given(
    st.one_of(
        st.binary(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_a_record_holds_it_is_reported_and_can_be_replaced(tmp_path, data):
    artifacts = Artifacts(tmp_path / "artifacts")
    artifacts.save(1, "a.json")
    (artifacts.directory / ".a.json.json").write_bytes(data)

    with pytest.raises(ResultsError):
        artifacts.load("a.json")
    with pytest.raises(ResultsError):
        artifacts.record("a.json")
    artifacts.save(2, "a.json")
    assert artifacts.load("a.json") == 2


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("kind", ["npy", "npz", "json", "csv", "image"])
def test_whatever_bytes_a_file_holds_loading_it_gives_a_value_or_a_clear_error(tmp_path, kind, data):
    artifacts = Artifacts(tmp_path / "artifacts")
    (tmp_path / "file").write_bytes(data)
    artifacts.save(tmp_path / "file", "file.bin", kind=kind)

    # Any other error fails the test.
    with suppress(ResultsError):
        artifacts.load("file.bin")
    assert artifacts.path("file.bin").read_bytes() == data
