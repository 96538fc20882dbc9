"""Files and directories of the user's: they are copied whole, and stand alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess

import pytest

from typedxp.errors import RecordError


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "source"
    (directory / "deep" / "empty").mkdir(parents=True)
    (directory / "deep" / "a.bin").write_bytes(os.urandom(100_000))
    (directory / "name with\nnewline").write_text("b")
    (directory / "run.sh").write_text("exit")
    (directory / "run.sh").chmod(0o755)
    return directory


def test_a_file_is_copied_and_comes_back_as_its_path(artifacts, source):
    record = artifacts.save(source / "deep" / "a.bin", "weights")

    copied = artifacts.load("weights.bin")
    data = (source / "deep" / "a.bin").read_bytes()
    assert copied == artifacts.directory / "weights.bin"
    assert copied.read_bytes() == data
    assert (record.size, record.sha256, record.kind) == (len(data), hashlib.sha256(data).hexdigest(), "file")


def test_changing_the_original_does_not_change_the_artifact(artifacts, source):
    artifacts.save(source / "run.sh", "run.sh")
    with (source / "run.sh").open("a") as file:
        file.write("more")

    assert artifacts.load("run.sh").read_text() == "exit"
    assert artifacts.load("run.sh").stat().st_mode & 0o100


def test_a_directory_is_copied_whole(artifacts, source):
    artifacts.save(source, "data")

    copied = artifacts.load("data")
    assert {str(path.relative_to(copied)) for path in copied.rglob("*")} == {
        str(path.relative_to(source)) for path in source.rglob("*")
    }
    assert (copied / "deep" / "a.bin").read_bytes() == (source / "deep" / "a.bin").read_bytes()


def test_the_sha256_of_a_directory_is_that_of_what_sha256sum_lists(artifacts, source):
    (source / "name with\nnewline").unlink()
    listing = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum"
    expected = subprocess.run(
        ["bash", "-c", f"{listing} | sha256sum"], cwd=source, capture_output=True, text=True, check=True
    )

    assert artifacts.save(source, "data").sha256 == expected.stdout.split()[0]


def test_a_directory_replaces_a_directory_and_a_file(artifacts, source, leftovers):
    artifacts.save(source / "run.sh", "data.d")
    artifacts.save(source, "data.d")
    shutil.rmtree(source / "deep")
    artifacts.save(source, "data.d")

    assert sorted(path.name for path in artifacts.load("data.d").iterdir()) == ["name with\nnewline", "run.sh"]
    artifacts.save(source / "run.sh", "data.d")
    assert artifacts.load("data.d").read_text() == "exit"
    assert leftovers() == [".data.d.json", "data.d"]


def test_what_links_lead_to_is_copied(artifacts, source, tmp_path):
    (tmp_path / "blob").write_text("shared")
    (source / "link").symlink_to(tmp_path / "blob")
    artifacts.save(source, "data")
    (tmp_path / "blob").unlink()

    assert not (artifacts.load("data") / "link").is_symlink()
    assert (artifacts.load("data") / "link").read_text() == "shared"


@pytest.mark.parametrize("obstacle", ["circle", "nothing", "pipe", "socket device"])
def test_what_cannot_be_copied_is_refused_and_nothing_is_left(artifacts, source, leftovers, obstacle):
    if obstacle == "circle":
        (source / "deep" / "up").symlink_to(source)
    elif obstacle == "nothing":
        (source / "dangling").symlink_to("nothing")
    elif obstacle == "pipe":
        os.mkfifo(source / "pipe")
    else:
        (source / "device").symlink_to("/dev/null")

    with pytest.raises(RecordError):
        artifacts.save(source, "data")

    assert leftovers() == []


def test_the_directory_that_holds_the_artifacts_cannot_be_one(artifacts):
    artifacts.save(1, "a.json")

    with pytest.raises(RecordError, match="holds the artifacts themselves"):
        artifacts.save(artifacts.directory.parent, "all")

    assert artifacts.names() == ("a.json",)


def test_a_path_that_is_not_there_is_refused(artifacts, tmp_path):
    with pytest.raises(RecordError, match="There is no"):
        artifacts.save(tmp_path / "nothing", "a")


def test_a_copy_shares_its_blocks_where_the_file_system_can(artifacts, source, monkeypatch):
    asked = []
    monkeypatch.setattr("fcntl.ioctl", lambda *arguments: asked.append(arguments[1]))
    artifacts.save(source / "run.sh", "run.sh")

    assert asked == [0x40049409]
