"""Ids are unique, and taken once; a directory is used, or refused with nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from typedxp.errors import StoreError
from typedxp.store.store import Store

ALLOCATE = """
import sys
from pathlib import Path
from typedxp.store.store import Store
for _ in range(5):
    print(*(run.id for run in Store(Path(sys.argv[1])).allocate(5)), flush=True)
"""


def ids(store):
    return sorted(int(path.name) for path in store.path.iterdir() if path.name.isdigit())


def test_many_launchers_at_once_never_take_the_same_id(tmp_path):
    logs = tmp_path / "logs"
    processes = [
        subprocess.Popen([sys.executable, "-c", ALLOCATE, str(logs)], stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    taken = [int(word) for process in processes for word in process.communicate()[0].split()]

    assert [process.returncode for process in processes] == [0] * 8
    assert len(taken) == len(set(taken)) == 200
    assert ids(Store(logs)) == sorted(taken)
    assert [run.id for run in Store(logs).allocate(1)] == [max(taken) + 1]


def test_threads_of_one_launcher_never_take_the_same_id(tmp_path):
    store = Store(tmp_path / "logs")
    with ThreadPoolExecutor(8) as pool:
        taken = [run.id for runs in pool.map(store.allocate, [5] * 20) for run in runs]

    assert sorted(taken) == ids(store)
    assert len(set(taken)) == 100


def test_the_id_of_a_deleted_run_is_not_taken_again(tmp_path):
    store = Store(tmp_path / "logs")
    store.allocate(3)
    for number in (2, 3):
        shutil.rmtree(tmp_path / "logs" / str(number))

    assert [run.id for run in store.allocate(2)] == [4, 5]
    shutil.rmtree(tmp_path / "logs" / "5")
    assert [run.id for run in Store(tmp_path / "logs").allocate(1)] == [6]


def test_a_slow_launcher_does_not_make_others_forget_higher_ids(tmp_path):
    store = Store(tmp_path / "logs")
    store.allocate(10)
    store._mark(4)
    for path in (tmp_path / "logs").glob("[0-9]*"):
        path.rmdir()

    assert [run.id for run in store.allocate(1)] == [11]


def test_without_the_cache_no_id_that_is_there_is_taken(tmp_path):
    store = Store(tmp_path / "logs")
    store.allocate(3)
    shutil.rmtree(store.cache)

    assert [run.id for run in store.allocate(2)] == [4, 5]


def test_what_else_lies_in_a_store_is_left_alone(tmp_path):
    logs = tmp_path / "logs"
    store = Store(logs)
    store.allocate(1)
    (logs / "notes").mkdir()
    (logs / "2").write_text("a file")
    (logs / "007").mkdir()
    (logs / "3").symlink_to("nowhere")
    (logs / "٤").mkdir()

    assert list(store.runs()) == []
    store.check()
    assert [run.id for run in store.allocate(2)] == [4, 5]
    assert (logs / "2").read_text() == "a file"
    assert list(store.runs()) == []
    with pytest.raises(StoreError, match="There is no run 2 in"):
        store.run(2)


def test_a_link_to_a_directory_is_as_good_as_the_directory(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "logs").symlink_to("scratch")
    Store(tmp_path / "logs").check()

    assert Store(tmp_path / "logs").allocate(1)[0].path == tmp_path / "logs" / "1"
    assert (tmp_path / "scratch" / "1").is_dir()


@pytest.mark.parametrize(
    "name", ["with space", "quo'te\"", "a;b&&c|d", "line\nfeed", "é 目录", "x" * 255, "-n", "$HOME", "*"]
)
def test_a_directory_may_have_any_name(tmp_path, name):
    store = Store(tmp_path / name / "logs")
    store.check()

    assert [run.id for run in store.allocate(2)] == [1, 2]
    assert (tmp_path / name / "logs" / "2").is_dir()


def test_the_home_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    assert Store(type(tmp_path)("~/logs")).allocate(1)[0].path == tmp_path / "logs" / "1"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text(""), "is a file. Choose a directory for the runs: xp.logs=DIR."),
        (lambda path: path.symlink_to("nowhere"), "is a link to nothing."),
        (lambda path: path.symlink_to(path.name), "is a link to nothing."),
        (lambda path: (path / "data").mkdir(parents=True), "was made by something else (it holds data, and no run of"),
        (
            lambda path: (path / "7").mkdir(parents=True),
            "was made by something else (it holds 7, and no run of typedxp)",
        ),
    ],
)
def test_a_directory_that_cannot_be_used_is_refused(tmp_path, make, message):
    make(tmp_path / "logs")
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(StoreError) as refused:
        Store(tmp_path / "logs").check()

    assert message in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [("file/logs", "file cannot be written"), ("nul\0", "cannot be the name of a directory"), ("x" * 300, "too long")],
)
def test_a_directory_that_cannot_be_made_is_refused(tmp_path, name, message):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / name)

    def use():
        store.check()
        store.allocate(1)

    with pytest.raises(StoreError, match=message):
        use()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_relative_directory_in_one_that_is_gone_is_refused(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(StoreError, match="logs cannot be found"):
        Store(type(tmp_path)("logs")).check()


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become another user: run the tests as root")
@pytest.mark.parametrize("existing", [True, False])
def test_a_directory_of_somebody_else_is_refused(tmp_path, existing):
    if existing:
        (tmp_path / "logs").mkdir(mode=0o755)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == 0 and path != path.parent and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
    check = """
import os, sys
from pathlib import Path
from typedxp.errors import StoreError
from typedxp.store.store import Store
os.setgid(65534)
os.setuid(65534)
try:
    Store(Path(sys.argv[1])).check()
except StoreError as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", check, str(tmp_path / "logs")], capture_output=True, text=True, check=True
    )

    assert "cannot be written" in said.stdout
    assert "xp.logs=DIR" in said.stdout


def test_a_failure_in_the_middle_leaves_nothing_behind(tmp_path):
    store = Store(tmp_path / "a" / "b" / "logs")

    def fail():
        with store.allocating(3) as runs:
            (runs[1].path / "config.yaml").write_text("")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_runs_of_others(tmp_path):
    store = Store(tmp_path / "logs")

    def fail():
        with store.allocating(2):
            store.allocate(1)
            raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match=r"No runs can be made in .*logs: No space left on device\."):
        fail()
    assert ids(store) == [3]


def test_the_option_that_leads_commands_to_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert Store(Path("logs")).option == Store(tmp_path / "logs").option == ""
    assert Store(Path("my runs")).option == " --logs 'my runs'"
