"""A repository can be in the middle of something, broken, foreign or malicious: it costs the snapshot at most."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from typedxp.stages.snapshot import objects
from typedxp.stages.snapshot.contents import open_snapshot
from typedxp.stages.snapshot.snapshot import require_snapshot
from typedxp.vocabulary.settings import Settings

TAKE = """
import sys
from pathlib import Path
from typedxp.stages.snapshot.snapshot import take_snapshot
from typedxp.vocabulary.settings import Settings
sys.stdin.readline()
taken = take_snapshot(Path(sys.argv[1]), Settings(logs=Path("/nowhere")))
print(taken.note, taken.code.tree, taken.code.snapshot)
"""


def test_launchers_at_the_same_time_agree(git, project, added):
    for number in range(50):
        (project / f"new_{number}.py").write_text(f"x = {number}\n")
    expected = added()
    launchers = [
        subprocess.Popen([sys.executable, "-c", TAKE, str(project)], stdin=-1, stdout=-1, text=True) for _ in range(4)
    ]
    with ThreadPoolExecutor() as pool:
        told = set(pool.map(lambda launcher: launcher.communicate("go\n")[0], launchers))

    assert len(told) == 1
    note, tree, snapshot = told.pop().split()
    assert (note, tree) == ("None", expected)
    assert git("for-each-ref", "--format=%(objectname)", "refs/typedxp") == snapshot
    assert not list((project / ".git/typedxp").rglob(".*"))


def test_while_somebody_else_holds_the_index(git, project, take, added):
    (project / "new.py").write_text("x")
    expected = added()
    for name in ("index.lock", "HEAD.lock", "packed-refs.lock", "config.lock", "gc.pid"):
        (project / ".git" / name).write_text("")

    assert take(project).code.tree == expected


def test_while_commits_are_made_every_snapshot_is_whole(git, project, take):
    (project / "new.py").write_text("x = 0\n")
    script = "for i in $(seq 15); do echo $i > one; echo $i > two; git add .; git commit -qm $i; done; git gc -q"
    with subprocess.Popen(["bash", "-c", script], cwd=project) as commits:
        taken = [take(project)]
        while commits.poll() is None:
            taken.append(take(project))

    assert {each.note for each in taken} == {None}
    for each in {each.code.snapshot for each in taken}:
        files = git("ls-tree", "-r", "--name-only", each).splitlines()
        assert {"new.py", "src/train.py"} <= set(files)
    assert git("fsck", "--strict", "--no-dangling") == ""


def test_what_fails_while_git_removes_empty_directories_is_done_again(project, take, added, monkeypatch):
    (project / "new.py").write_text("x")
    expected = added()
    fails, write_commit = iter([True]), objects._write_commit

    def write(*arguments):
        if next(fails, False):
            raise FileNotFoundError
        return write_commit(*arguments)

    monkeypatch.setattr(objects, "_write_commit", write)

    assert take(project).code.tree == expected


@pytest.fixture
def parted(git, project):
    """The repository on one of two branches that have changed the same file."""
    (project / "src/train.py").write_text("x = 2\n")
    git("commit", "--quiet", "-am", "second")
    git("checkout", "--quiet", "-b", "other", "HEAD~")
    (project / "src/train.py").write_text("x = 3\n")
    git("commit", "--quiet", "-am", "third")
    return project


def test_in_the_middle_of_a_rebase(git, parted, take, added, users):
    with pytest.raises(subprocess.CalledProcessError):
        git("rebase", "main")
    expected, before = added(), users()[2:]

    code = take(parted).code

    assert (code.tree, code.branch) == (expected, None)
    assert code.changes == ("unmerged src/train.py",)
    assert users()[2:] == before
    git("rebase", "--abort")


def test_in_a_conflict_over_a_file_whose_place_a_directory_has_taken(git, parted, take, added):
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "main")
    (parted / "src/train.py").unlink()
    (parted / "src/train.py").mkdir()
    (parted / "src/train.py/part.py").write_text("x = 4\n")

    assert take(parted).code.tree == added()


@pytest.mark.parametrize("kind", ["HEAD", "HEAD:src"])
def test_where_git_shows_something_else_in_the_place_of_an_object(git, project, take, added, kind):
    first = git("rev-parse", kind)
    (project / "src/new.py").write_text("x")
    git("add", ".")
    git("commit", "--quiet", "-m", "second")
    git("replace", kind, first)

    clean = take(project).code
    (project / "src/train.py").write_text("x = 2\n")

    assert clean.snapshot == git("rev-parse", "HEAD")
    assert not clean.dirty
    assert take(project).code.tree == added()
    with open_snapshot([project], clean.snapshot) as snapshot:
        assert [entry.path for entry in snapshot.entries] == ["src/new.py", "src/train.py"]


def test_within_a_hook_of_a_commit(git, project, tmp_path):
    hook = project / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho go | {sys.executable} -c '{TAKE}' . > {tmp_path}/told\n")
    hook.chmod(0o755)
    (project / "src/train.py").write_text("x = 2\n")
    (project / "new.py").write_text("x")
    git("commit", "--quiet", "-m", "second", "src/train.py")

    note, _, snapshot = (tmp_path / "told").read_text().split()

    assert note == "None"
    assert git("show", f"{snapshot}:src/train.py") == "x = 2"
    assert git("show", f"{snapshot}:new.py") == "x"
    assert git("status", "--porcelain") == "?? new.py"


def test_nothing_is_executed_that_git_status_would_not(git, project, tmp_path, take):
    """Whatever a configuration can name, except filters, which `git status` runs for what has changed."""
    evil = tmp_path / "evil"
    evil.write_text(f'#!/bin/sh\ntouch "{tmp_path}/executed"\ncat\n')
    evil.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    names = ["post-index-change", "reference-transaction", "pre-commit", "post-commit", "pre-auto-gc", "post-checkout"]
    for name in names:
        (hooks / name).symlink_to(evil)
        (project / ".git/hooks").mkdir(exist_ok=True)
        (project / ".git/hooks" / name).symlink_to(evil)
    git("config", "core.hooksPath", str(hooks))
    (project / "src/train.py").write_text("x = 2\n")
    (project / "new.py").write_text("x")
    (project / ".gitattributes").write_text("* diff=evil merge=evil\n")
    for key in (
        "core.fsmonitor", "diff.external", "diff.evil.command", "diff.evil.textconv", "merge.evil.driver", "core.pager",
        "core.editor", "core.sshCommand", "core.askPass", "gpg.program", "gpg.ssh.program", "credential.helper",
        "alias.status", "alias.update-index", "remote.origin.uploadpack", "core.gitProxy", "pager.status",
    ):  # fmt: skip
        git("config", key, f"!{evil}" if key.startswith("alias") else str(evil))
    git("config", "commit.gpgSign", "true")
    git("config", "remote.origin.url", f"ext::{evil}")
    git("config", "protocol.ext.allow", "always")
    git("config", "extensions.partialClone", "origin")
    git("config", "remote.origin.promisor", "true")
    (tmp_path / "executed").unlink(missing_ok=True)

    assert take(project).note is None
    (project / "new.py").write_text("y")
    assert take(project).code.snapshot is not None
    assert not (tmp_path / "executed").exists()


def test_what_was_noted_by_somebody_else_is_not_believed(git, project, take):
    (project / "new.py").write_text("x")
    os.utime(project / "new.py", (1, 1))
    code = take(project).code
    for forged in (
        "",
        "[]",
        "{}",
        "\0",
        '{"key": 1, "tree": 2, "snapshot": 3}',
        '{"key": "", "tree": "../", "snapshot": "x"}',
    ):
        (project / ".git/typedxp").mkdir(exist_ok=True)
        (project / ".git/typedxp/last.json").write_text(forged)
        assert take(project).code == code


def test_a_snapshot_whose_ref_was_deleted_is_made_again(git, project, take):
    (project / "new.py").write_text("x")
    code = take(project).code
    git("update-ref", "-d", f"refs/typedxp/{code.snapshot}")
    git("gc", "--quiet", "--prune=now")

    assert take(project).code == code
    assert git("show", f"refs/typedxp/{code.snapshot}:new.py") == "x"


def test_a_branch_of_an_odd_name(git, project, take):
    git("checkout", "--quiet", "-b", "é'\"$(x)")

    assert take(project).code.branch == "é'\"$(x)"


def test_a_repository_in_a_directory_of_an_odd_name(git, tmp_path, take):
    place = tmp_path / "a $HOME 'b\n%c"
    place.mkdir()
    git("init", "--quiet", at=place)
    (place / "new.py").write_text("x")

    code = take(place).code

    assert git("show", f"{code.snapshot}:new.py", at=place) == "x"


def no_git(project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))


def an_old_git(project, monkeypatch):
    old = project.parent / "bin/git"
    old.parent.mkdir()
    old.write_text('#!/bin/sh\necho "error: unknown option \\`no-optional-locks\'" >&2\nexit 129\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent))


def of_somebody_else(project, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")


def with_a_damaged_index(project, monkeypatch):
    (project / ".git/index").write_bytes(b"DIRC nonsense")


def with_a_missing_object(project, monkeypatch):
    for file in (project / ".git/objects").rglob("*"):
        if file.is_file():
            file.unlink()


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (no_git, "Cmd"),
        (an_old_git, "unknown option"),
        (of_somebody_else, "detected dubious ownership"),
        (with_a_damaged_index, "index"),
        (with_a_missing_object, ""),
    ],
)
def test_where_git_fails_runs_go_on_visibly_and_nothing_is_promised(git, project, monkeypatch, take, fault, why):
    commit = git("rev-parse", "HEAD")
    (project / "new.py").write_text("x")
    fault(project, monkeypatch)

    taken = take(project)

    assert why in taken.note
    assert taken.note.endswith(": only the commit of the code is recorded")
    assert "\n" not in taken.note
    assert (taken.code.commit, taken.code.dirty, taken.code.snapshot) == (commit, None, None)
    with pytest.raises(Exception, match=r"xp\.snapshot=off"):
        require_snapshot(taken, Settings())


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_told(project, take):
    (project / "secret").write_text("x")
    (project / "secret").chmod(0)

    assert "secret" in take(project).note


def test_outside_of_a_repository_it_is_told(tmp_path, take):
    taken = take(tmp_path)

    assert (taken.code, taken.note) == (None, "not in a git repository: the code of these runs is not recorded")
    assert take(tmp_path, snapshot="off").note is None
    require_snapshot(take(tmp_path, snapshot="off"), Settings(snapshot="off"))


def test_fifty_thousand_files(git, project, take):
    for number in range(50_000):
        directory = project / f"package_{number // 500}"
        if number % 500 == 0:
            directory.mkdir()
        (directory / f"{number}.py").write_bytes(b"")

    code = take(project).code

    assert len(git("ls-tree", "-r", "--name-only", code.snapshot).splitlines()) == 50_001
    assert len(code.changes) == 50


def test_special_files_are_left_out(git, project, take):
    os.mkfifo(project / "pipe")
    (project / "new.py").write_text("x")

    assert take(project).code.changes == ("untracked new.py",)


def test_nothing_is_left_in_the_place_for_temporary_files(project, take, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    (project / "new.py").write_text("x")

    take(project)

    assert list(Path(place).iterdir()) == []
