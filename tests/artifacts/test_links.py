"""Links that somebody planted: they are never followed."""

from __future__ import annotations

import pytest

from typedxp.errors import RecordError, ResultsError


@pytest.fixture
def outside(tmp_path):
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "secret.json").write_text("1")
    (directory / ".secret.json.json").write_text("{}")
    return directory


def test_a_linked_directory_is_neither_written_nor_read(artifacts, outside):
    artifacts.save(1, "a.json")
    (artifacts.directory / "link").symlink_to(outside)

    with pytest.raises(RecordError, match="link"):
        artifacts.save(2, "link/new.json")
    with pytest.raises(ResultsError, match="link"):
        artifacts.load("link/secret.json")

    assert sorted(path.name for path in outside.iterdir()) == [".secret.json.json", "secret.json"]
    assert (outside / "secret.json").read_text() == "1"
    assert artifacts.names() == ("a.json",)


def test_an_artifact_that_became_a_link_is_not_read_and_replaced_where_it_lies(artifacts, outside):
    artifacts.save(2, "a.json")
    (artifacts.directory / "a.json").unlink()
    (artifacts.directory / "a.json").symlink_to(outside / "secret.json")

    with pytest.raises(ResultsError, match="is a link"):
        artifacts.load("a.json")
    artifacts.save(3, "a.json")

    assert artifacts.load("a.json") == 3
    assert (outside / "secret.json").read_text() == "1"


@pytest.mark.parametrize("planted", [".drafts", ".drafts/lock"])
def test_linked_bookkeeping_is_not_followed(artifacts, outside, planted):
    path = artifacts.directory / planted
    path.parent.mkdir(parents=True)
    path.symlink_to(outside if planted == ".drafts" else outside / "lock")

    with pytest.raises(RecordError):
        artifacts.save(1, "a.json")

    assert sorted(path.name for path in outside.iterdir()) == [".secret.json.json", "secret.json"]


def test_a_linked_record_is_not_followed(artifacts, outside):
    artifacts.save(1, "a.json")
    record = artifacts.directory / ".a.json.json"
    record.rename(outside / "record.json")
    record.symlink_to(outside / "record.json")

    with pytest.raises(ResultsError):
        artifacts.load("a.json")


def test_a_link_planted_in_a_directory_is_damage(artifacts, outside, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret.json").write_text("1")
    artifacts.save(tmp_path / "data", "data")
    (artifacts.directory / "data" / "secret.json").unlink()
    (artifacts.directory / "data" / "secret.json").symlink_to(outside / "secret.json")

    with pytest.raises(ResultsError):
        artifacts.load("data")
