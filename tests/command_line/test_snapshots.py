"""What a command line does about the code: it is kept before ids are taken, refused, asked about, or missing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest

from typedxp.runner.asking import chosen

SCRIPT = """
import typedxp

@typedxp.experiment
def train(run, lr: float = 0.1, seed: int = 0):
    print("running")

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def git(shell, tmp_path, monkeypatch):
    """A repository with a script and an ignore file, in which git commands are typed."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name in ("AUTHOR_NAME", "COMMITTER_NAME", "AUTHOR_EMAIL", "COMMITTER_EMAIL"):
        monkeypatch.setenv(f"GIT_{name}", "a@b")

    def git(*arguments):
        return subprocess.run(
            ["git", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    (tmp_path / "train.py").write_text(SCRIPT)
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    return git


@pytest.fixture
def code(tmp_path):
    return lambda number: json.loads((tmp_path / f"logs/{number}/run.json").read_text())["code"]


@pytest.fixture
def converse(tmp_path):
    """Type a command on a terminal, with these answers; return what is shown and the exit code."""

    def converse(*arguments, answers=""):
        shown = bytearray()
        process, terminal = pty.fork()
        if not process:
            os.chdir(tmp_path)
            os.execv(sys.executable, [sys.executable, "train.py", *arguments])
        os.write(terminal, answers.encode())
        with suppress(OSError):
            while data := os.read(terminal, 65536):
                shown.extend(data)
        os.close(terminal)
        return shown.decode().replace("\r\n", "\n"), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    return converse


def test_all_runs_of_a_sweep_have_the_same_snapshot_of_what_is_there(git, shell, code, tmp_path):
    (tmp_path / "notes").write_text("x")
    (tmp_path / "train.py").write_text(SCRIPT.replace("running", "at work"))
    git("config", "status.showUntrackedFiles", "no")
    before = git("status", "--porcelain"), git("log", "--all", "--format=%H", "HEAD")
    shell("python train.py seed=0,1,2")

    first = code(1)

    assert code(2) == code(3) == first
    assert git("show", f"{first['snapshot']}:train.py") == SCRIPT.replace("running", "at work").strip()
    assert git("ls-tree", "--name-only", first["tree"]).split() == ["notes", "train.py"]
    assert (first["script"], first["branch"], first["dirty"]) == ("train.py", "main", True)
    assert first["changes"] == ["modified train.py", "untracked notes"]
    assert len(git("for-each-ref", "refs/typedxp").splitlines()) == 1
    assert (git("status", "--porcelain"), git("log", "--branches", "--format=%H", "HEAD")) == before


def test_a_second_launch_of_the_same_tree_keeps_nothing_new(git, shell, code, tmp_path):
    (tmp_path / "notes").write_text("x")
    shell("python train.py")
    count = git("count-objects")
    shell("python train.py")

    assert code(1)["snapshot"] == code(2)["snapshot"]
    assert git("count-objects") == count


def test_what_is_refused_takes_no_ids(git, shell, tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 2000)

    assert "large (2.0KB)" in shell("python train.py seed=0,1 xp.snapshot_max_file=1KB", code=2)
    assert "untracked large" in shell("python train.py xp.snapshot=clean", code=2)
    assert not (tmp_path / "logs").exists()
    assert git("for-each-ref", "refs/typedxp") == ""


def test_what_is_invalid_is_told_before_anything_is_kept(git, shell, tmp_path):
    (tmp_path / "notes").write_text("x")
    shell("python train.py seed=x", code=2)
    shell("python train.py xp.snapshot=never", code=2)
    shell("python train.py xp.snapshot_max_file=0", code=2)

    assert git("for-each-ref", "refs/typedxp") == ""


def test_a_dry_run_keeps_nothing(git, shell, tmp_path):
    (tmp_path / "notes").write_text("x")
    count = git("count-objects")
    shell("python train.py -n")

    assert (git("count-objects"), git("for-each-ref", "refs/typedxp")) == (count, "")


def test_settings_in_yaml_may_say_off(git, shell, code, tmp_path):
    (tmp_path / "config.yaml").write_text("xp:\n  snapshot: off\n  snapshot_max_file: 10 MB\n")
    (tmp_path / "train.py").write_text(SCRIPT.replace(".experiment", '.experiment(config_path=".")'))
    shell("python train.py")

    assert (code(1)["dirty"], code(1)["snapshot"]) == (True, None)


def test_outside_of_a_repository_a_launch_notes_once_that_the_code_is_not_recorded(shell, code, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    note = "typedxp: not in a git repository: the code of these runs is not recorded\n"

    assert shell("python train.py seed=0,1").count(note) == 1
    assert code(1) is None
    assert note not in shell("python train.py xp.snapshot=off")
    assert "xp.snapshot=clean cannot be had" in shell("python train.py xp.snapshot=clean", code=2)


def test_from_python_the_code_is_kept_too(git, shell, code, tmp_path):
    (tmp_path / "go.py").write_text("from train import train\ntrain.sweep({'seed': [0, 1]})\n")
    shell("python go.py")

    assert git("ls-tree", "--name-only", code(2)["snapshot"]).split() == ["go.py", "train.py"]


def test_asking_needs_a_terminal(git, shell, tmp_path):
    assert shell("python train.py xp.snapshot=ask", code=2).startswith("typedxp: xp.snapshot=ask needs a terminal.")
    assert not (tmp_path / "logs").exists()


def test_asked_the_user_commits_what_he_chooses_and_the_rest_is_kept_as_it_is(git, converse, code, tmp_path):
    (tmp_path / ".gitignore").write_text("logs\n__pycache__\n")
    (tmp_path / "train.py").write_text(SCRIPT + "# more\n")
    (tmp_path / "it's new.py").write_text("x")
    git("add", ".gitignore")

    shown, status = converse("xp.snapshot=ask", answers="2-9\n2 3\nadd what is missing\n")

    assert status == 0
    assert f"Not committed on main, in {tmp_path}:" in shown
    assert "   1  added .gitignore\n   2  modified train.py\n   3  untracked it's new.py\n" in shown
    assert shown.count("Which go into a commit?") == 2
    assert git("show", "--format=%s", "--name-only", "HEAD").split("\n\n") == [
        "add what is missing",
        "it's new.py\ntrain.py",
    ]
    assert git("status", "--porcelain") == "A  .gitignore"
    assert (code(1)["commit"], code(1)["changes"]) == (git("rev-parse", "HEAD"), ["added .gitignore"])


@pytest.mark.parametrize("answers", ["q\n", "all\nq\n", "\x04"])
def test_asked_the_user_may_stop(git, converse, tmp_path, answers):
    (tmp_path / "notes").write_text("x")

    shown, status = converse("xp.snapshot=ask", answers=answers)

    assert status == 2
    assert "Nothing was started." in shown
    assert not (tmp_path / "logs").exists()
    assert git("status", "--porcelain") == "?? notes"


def test_asked_the_user_may_commit_nothing(git, converse, code, tmp_path):
    (tmp_path / "notes").write_text("x")

    assert converse("xp.snapshot=ask", answers="none\n")[1] == 0
    assert code(1)["changes"] == ["untracked notes"]
    assert git("log", "--format=%s") == "first"


def test_a_clean_tree_is_not_asked_about(git, converse):
    shown, status = converse("xp.snapshot=ask")

    assert status == 0
    assert "commit" not in shown


def test_what_only_another_repository_can_commit_is_shown_and_not_asked_about(git, converse, tmp_path):
    inner = tmp_path / "inner"
    subprocess.run(["git", "init", "--quiet", str(inner)], check=True)
    (inner / "notes").write_text("x")

    shown, status = converse("xp.snapshot=ask")

    assert status == 0
    assert "untracked inner, a repository of its own" in shown
    assert "Which go" not in shown


def test_a_hook_that_refuses_the_commit_ends_it(git, converse, tmp_path):
    hook = tmp_path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no such commit >&2\nexit 1\n")
    hook.chmod(0o755)
    (tmp_path / "notes").write_text("x")

    shown, status = converse("xp.snapshot=ask", answers="1\nmessage\n")

    assert status == 2
    assert "git does not commit: no such commit. Nothing was started." in shown


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("all", [1, 2, 3]),
        ("none", []),
        ("3, 1", [1, 3]),
        ("1-2 2-3", [1, 2, 3]),
        ("", None),
        ("0", None),
        ("4", None),
        ("1-999999999999", None),
        ("-1", None),
        ("x", None),
        ("2-1", None),
    ],
)
def test_an_answer_is_read_or_asked_for_again(answer, numbers):
    read = chosen(answer, 3)

    assert (None if read is None else list(read)) == numbers


def test_what_python_compiles_is_no_code(git, shell, code, tmp_path):
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / "train.py").write_text("import helper\n" + SCRIPT)
    for compiled in ("-B", ""):
        shell(f"env -u PYTHONDONTWRITEBYTECODE python {compiled} train.py")
        shell("env -u PYTHONDONTWRITEBYTECODE python -c 'import helper'")

    assert (tmp_path / "__pycache__").exists()
    assert code(1)["tree"] == code(2)["tree"]
    assert "__pycache__" not in git("ls-tree", "-r", "--name-only", code(2)["snapshot"])
