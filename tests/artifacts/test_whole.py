"""An artifact is the old one or the new one, whatever happens while it is written."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from typedxp.artifacts import drafts
from typedxp.artifacts.digest import digest
from typedxp.artifacts.directory import Artifacts
from typedxp.errors import RecordError, ResultsError

FOREVER = """
source = artifacts.directory.parent / "source"
while True:
    for letter in "abcdefgh":
        artifacts.save(letter * 300_000, "text.txt")
        artifacts.save([letter] * 1000, "deep/er/list.json")
        for file in source.iterdir():
            file.write_text(letter * 1000)
        artifacts.save(source, "tree")
"""


def same(letters) -> bool:
    return len(set(letters)) == 1


def test_twenty_kills_leave_whole_artifacts_and_no_drafts(artifacts, start, tmp_path, leftovers):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("1.txt", "2.txt", "3.txt"):
        (source / name).write_text("a" * 1000)
    artifacts.save("a" * 300_000, "text.txt")
    artifacts.save(["a"] * 1000, "deep/er/list.json")
    artifacts.save(source, "tree")
    chance = random.Random(0)

    for _ in range(20):
        process = start(FOREVER)
        time.sleep(chance.uniform(0.01, 0.08))
        process.kill()
        process.wait()

        assert artifacts.names() == ("deep/er/list.json", "text.txt", "tree")
        text, letters, tree = map(artifacts.load, ("text.txt", "deep/er/list.json", "tree"))
        assert len(text) == 300_000
        assert len(letters) == 1000
        assert same(text)
        assert same(letters)
        assert same("".join(file.read_text() for file in tree.iterdir()))
        assert artifacts.record("text.txt").previous is None

    artifacts.save(1, "last.json")
    assert not [file for file in leftovers() if file.startswith(".drafts")]


def test_two_processes_and_a_reader_of_the_same_artifact(artifacts, start):
    artifacts.save("0" * 100_000, "text.txt")
    code = "for i in range(60): artifacts.save(str(i % 10) * 100_000, 'text.txt'); artifacts.save(i, 'a.json')"
    processes = [start(code), start(code)]
    read = 0
    while any(process.poll() is None for process in processes):
        text = artifacts.load("text.txt")
        assert len(text) == 100_000
        assert same(text)
        read += 1

    assert [process.returncode for process in processes] == [0, 0]
    assert read > 5
    assert artifacts.load("text.txt") == "9" * 100_000
    assert artifacts.load("a.json") == 59
    assert artifacts.record("text.txt").previous is None


def test_threads_save_at_once(artifacts, leftovers):
    def save(number: int) -> None:
        for name in ("same.npy", f"own{number}.npy"):
            artifacts.save(np.full(1000, number), name)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert same(artifacts.load("same.npy").tolist())
    assert [artifacts.load(f"own{number}.npy")[0] for number in range(8)] == list(range(8))
    assert not [file for file in leftovers() if file.startswith(".drafts")]


class Interrupted(BaseException):
    """Stands for a kill: nothing is done any more."""


@pytest.fixture
def kill_at(monkeypatch):
    """Run something, and stop it for good when it makes its n-th rename."""

    def run(step: int, save) -> None:
        steps = iter(range(100))

        def stopping(real):
            def change(*arguments, **options):
                if next(steps) >= step:
                    raise Interrupted
                return real(*arguments, **options)

            return change

        with monkeypatch.context() as patch, suppress(Interrupted):
            patch.setattr(os, "replace", stopping(os.replace))
            patch.setattr(os, "rename", stopping(os.rename))
            # What a killed process does not do.
            patch.setattr("shutil.rmtree", lambda *_, **__: None)
            save()

    return run


@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("kind", ["file", "directory", "directory set aside"])
def test_stopping_at_any_step_leaves_the_old_or_the_new(artifacts, tmp_path, monkeypatch, kill_at, step, kind):
    if kind == "directory set aside":
        monkeypatch.setattr(drafts, "_exchange", lambda *_: False)
    source = tmp_path / "source"
    source.mkdir()

    def save(letter: str) -> None:
        (source / "a.txt").write_text(letter)
        artifacts.save(source / "a.txt" if kind == "file" else source, "text.txt")

    def load() -> str:
        loaded = artifacts.load("text.txt")
        return (loaded if kind == "file" else loaded / "a.txt").read_text()

    save("a")
    kill_at(step, lambda: save("b"))

    assert load() == ("a" if step < (4 if kind == "directory set aside" else 2) else "b")
    assert artifacts.names() == ("text.txt",)
    assert artifacts.record("text.txt").sha256 == digest(artifacts.path("text.txt")).sha256
    save("c")
    assert load() == "c"
    assert sorted(path.name for path in artifacts.directory.iterdir()) == [".drafts", ".text.txt.json", "text.txt"]
    assert [path.name for path in (artifacts.directory / ".drafts").iterdir()] == ["lock"]


def test_a_writer_killed_before_its_first_artifact_leaves_none(artifacts, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr("typedxp.artifacts.directory.put", lambda *_: (_ for _ in ()).throw(Interrupted))
        with pytest.raises(Interrupted):
            artifacts.save(1, "a.json")

    assert artifacts.names() == ()
    with pytest.raises(ResultsError, match="no artifact"):
        artifacts.load("a.json")
    artifacts.save(1, "a.json/b.json")
    assert artifacts.names() == ("a.json/b.json",)


def test_a_failed_save_leaves_nothing_behind(artifacts, leftovers):
    with pytest.raises(RecordError, match=r"An array in a\.npz cannot be called"):
        artifacts.save({"a\0": np.zeros(1)}, "new/a.npz")

    assert leftovers() == []


def test_a_directory_that_was_removed_is_not_made_again(tmp_path):
    artifacts = Artifacts(tmp_path / "17" / "artifacts")

    with pytest.raises(RecordError, match="No such file or directory"):
        artifacts.save(1, "a.json")

    assert not (tmp_path / "17").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere: run the tests as another user")
def test_a_read_only_directory_is_refused_and_can_be_read(artifacts):
    artifacts.save(1, "a.json")
    artifacts.directory.chmod(0o555)
    (artifacts.directory / ".drafts").chmod(0o555)
    try:
        with pytest.raises(RecordError, match="Permission denied"):
            artifacts.save(2, "a.json")
        assert artifacts.load("a.json") == 1
    finally:
        artifacts.directory.chmod(0o755)
        (artifacts.directory / ".drafts").chmod(0o755)


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("needs to mount a small tmpfs: run the tests as root")
    yield disk
    subprocess.run(["umount", disk], check=True)


def too_large() -> dict[str, object]:
    noise = np.random.default_rng(0).random(600_000)
    return {
        "a.npy": noise,
        "a.npz": {"a": noise},
        "a.json": noise.tolist(),
        "a.txt": "a" * 5_000_000,
        "a.csv": pd.DataFrame({"a": noise}),
        "a.nc": xr.Dataset({"a": ("x", noise)}),
        "a.png": (noise * 1000).astype("uint8").repeat(10).reshape(2000, -1) ^ np.uint8(3),
    }


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.json", "a.txt", "a.csv", "a.nc", "copied", "tree"])
def test_a_full_disk_is_a_clear_error_and_leaves_the_old_artifact(small_disk, tmp_path, name):
    artifacts = Artifacts(small_disk / "artifacts")
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "a.bin").write_bytes(bytes(5_000_000))
    values = too_large() | {"copied": tmp_path / "large" / "a.bin", "tree": tmp_path / "large"}
    artifacts.save("old", "old.txt")
    (tmp_path / "old").write_text("old")
    old = artifacts.save(tmp_path / "old", name)

    with pytest.raises(RecordError, match="cannot be saved"):
        artifacts.save(values[name], name)

    assert artifacts.load(old.name).read_text() == "old"
    assert artifacts.load("old.txt") == "old"
    assert [path.name for path in (artifacts.directory / ".drafts").iterdir()] == ["lock"]
    artifacts.save("new", "new.txt")
    assert artifacts.load("new.txt") == "new"
