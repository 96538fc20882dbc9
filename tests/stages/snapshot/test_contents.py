"""The files of a snapshot come out as they went in, whatever they are called, and nothing else happens."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from typedxp.errors import SnapshotError
from typedxp.stages.snapshot.changes import ChangedFile, compare_snapshots
from typedxp.stages.snapshot.checkout import make_checkout
from typedxp.stages.snapshot.contents import open_snapshot, write_files
from typedxp.stages.snapshot.peek import peek
from typedxp.stages.snapshot.references import drop_snapshots, kept_snapshots
from typedxp.stages.snapshot.snapshot import take_snapshot
from typedxp.vocabulary.settings import Settings

NAMES = ["a b.txt", "q'u\"ote", "new\nline", "é.txt", "-dash", "deep/er/file", "crlf.txt"]

TRAPS = (
    *(
        "filter.trap.smudge",
        "filter.trap.clean",
        "filter.trap.process",
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
    ),
    *("diff.trap.textconv", "diff.trap.command", "diff.external"),
)


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Type git commands in ``tmp_path/project``, by a user without settings of his own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for name in ("AUTHOR_NAME", "COMMITTER_NAME", "AUTHOR_EMAIL", "COMMITTER_EMAIL"):
        monkeypatch.setenv(f"GIT_{name}", "a@b")
    (tmp_path / "project").mkdir()

    def type_in(*arguments, at: Path = tmp_path / "project", text: str | None = None) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=at, capture_output=True, text=True, check=True, input=text).stdout.strip()

    type_in("init", "--quiet", "--initial-branch=main")
    return type_in


@pytest.fixture
def project(git, tmp_path):
    return tmp_path / "project"


@pytest.fixture
def first(git, project):
    """A commit of odd names, a program, a link, and what is no text."""
    for name in NAMES:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(f"{name}\r\n".encode())
    (project / "program").write_text("#!/bin/sh\n")
    (project / "program").chmod(0o755)
    (project / "link").symlink_to("deep/er")
    (project / "raw").write_bytes(bytes(range(256)) * 20)
    return commit(git)


def commit(git) -> str:
    git("add", "--all")
    git("commit", "--quiet", "-m", "x")
    return git("rev-parse", "HEAD")


def test_every_file_comes_out_as_it_went_in(project, first, tmp_path):
    with open_snapshot([project], first) as snapshot:
        write_files(snapshot, tmp_path / "new" / "out")

    out = tmp_path / "new" / "out"
    assert {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir() or path.is_symlink()} == {
        *NAMES,
        "program",
        "link",
        "raw",
    }
    assert (out / "new\nline").read_bytes() == b"new\nline\r\n"
    assert (out / "raw").read_bytes() == (project / "raw").read_bytes()
    assert (out / "link").readlink() == Path("deep/er")
    assert os.access(out / "program", os.X_OK)
    assert not os.access(out / "raw", os.X_OK)
    assert list((tmp_path / "new").iterdir()) == [out]


def test_a_directory_that_holds_something_is_left_alone_and_an_empty_one_is_filled(project, first, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "empty").mkdir()

    with open_snapshot([project], first) as snapshot:
        with pytest.raises(SnapshotError, match="full is not empty"):
            write_files(snapshot, tmp_path / "full")
        write_files(snapshot, tmp_path / "empty")

    assert list((tmp_path / "full").iterdir()) == [tmp_path / "full" / "mine"]
    assert (tmp_path / "empty" / "program").exists()


def test_a_tree_that_leads_out_of_the_directory_is_refused(git, project, first, tmp_path):
    blob = git("hash-object", "-w", "--stdin", text="evil")
    inner = git("mktree", text=f"100644 blob {blob}\towned\n")
    raw = b"40000 ..\0" + bytes.fromhex(inner)
    made = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        cwd=project,
        input=raw,
        capture_output=True,
        check=True,
    ).stdout.decode()

    with (
        open_snapshot([project], made.strip()) as snapshot,
        pytest.raises(SnapshotError, match=r"has a file '\.\./owned'"),
    ):
        write_files(snapshot, tmp_path / "out")
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "out").exists()


def test_nothing_that_a_repository_is_configured_with_is_run(git, project, first, tmp_path):
    (project / ".gitattributes").write_text("* filter=trap diff=trap\n")
    (project / "a b.txt").write_text("other\n")
    second = commit(git)
    for key in TRAPS:
        git("config", key, f"touch '{tmp_path}/{key}.trapped'; cat")

    with open_snapshot([project], second) as snapshot:
        write_files(snapshot, tmp_path / "out")
    with compare_snapshots(([project], first), ([project], second)) as changes:
        assert "+other" in changes.patch()

    assert (tmp_path / "out" / "a b.txt").read_text() == "other\n"
    assert list(tmp_path.glob("*.trapped")) == []


def test_who_made_the_commits_is_told_without_running_what_checks_signatures(git, project, first, tmp_path):
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path}/trapped'\n")
    trap.chmod(0o755)
    git("config", "gpg.program", str(trap))
    git("config", "log.showSignature", "true")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n"
    facts = f"tree {git('rev-parse', 'HEAD^{tree}')}\nauthor Ada <a@b> 0 +0000\ncommitter Ada <a@b> 0 +0000\n"
    git("reset", git("hash-object", "-t", "commit", "-w", "--stdin", text=f"{facts}{signature}\nsigned\n"))

    with open_snapshot([project], first) as snapshot:
        assert snapshot.authors() == {"Ada", "a@b"}
    assert not (tmp_path / "trapped").exists()


def test_what_is_kept_elsewhere_is_named(git, project, first):
    (project / "big.bin").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345678\n"
    )
    git("update-index", "--add", "--cacheinfo", f"160000,{first},vendor/other")
    git("add", "big.bin")
    git("commit", "--quiet", "-m", "x")

    with open_snapshot([project], git("rev-parse", "HEAD")) as snapshot:
        notes = snapshot.notes

    assert notes[0].startswith("vendor/other is a submodule that is not here")
    assert notes[1].startswith("big.bin is a pointer of git-lfs")
    assert len(notes) == 2


@pytest.mark.parametrize("name", ["--output=/tmp/x", "HEAD", "0" * 40, "abc"])
def test_a_snapshot_that_is_not_there_is_refused_with_what_to_do(project, first, name):
    with (
        pytest.raises(SnapshotError, match=r"--repository PATH|is not the name of a snapshot"),
        open_snapshot([project, project.parent], name),
    ):
        pass


def test_a_repository_that_was_moved_is_found_where_it_is_now(project, first, tmp_path):
    project.rename(tmp_path / "moved")

    with open_snapshot([project, tmp_path / "moved" / "deep"], first) as snapshot:
        assert len(snapshot.entries) == len(NAMES) + 3


def test_what_differs_is_told_by_file_and_by_line(git, project, first):
    (project / "raw").write_bytes(b"\0\1")
    (project / "a b.txt").rename(project / "é\tb.txt")
    (project / "crlf.txt").write_text("one\ntwo\n")
    (project / "program").unlink()
    (project / "new").write_text("1\n")
    second = commit(git)

    with compare_snapshots(([project], first), ([project], second)) as changes:
        files, patch = changes.files(), changes.patch()
        coloured = changes.patch(colour=True)

    assert set(files) == {
        ChangedFile("raw", "changed", None, None),
        ChangedFile("é\tb.txt", "renamed", 0, 0, "a b.txt"),
        ChangedFile("crlf.txt", "changed", 2, 1),
        ChangedFile("program", "removed", 0, 1),
        ChangedFile("new", "added", 1, 0),
    }
    assert "Binary files a/raw and b/raw differ" in patch
    assert "+two" in patch
    assert "\x1b[" in coloured
    assert "\x1b[" not in patch


def test_snapshots_of_two_repositories_are_compared(git, project, first, tmp_path):
    other = tmp_path / 'an "other": place'
    git("clone", "--quiet", str(project), str(other), at=tmp_path)
    (other / "crlf.txt").write_text("changed\n")
    git("commit", "--quiet", "-am", "x", at=other)
    second = git("rev-parse", "HEAD", at=other)

    for before, after in (((project, first), (other, second)), ((other, second), (project, first))):
        with compare_snapshots(([before[0]], before[1]), ([after[0]], after[1])) as changes:
            assert changes.files() == (ChangedFile("crlf.txt", "changed", 1, 1),)


def test_equal_snapshots_differ_in_nothing(git, project, first):
    with compare_snapshots(([project], first), ([project], git("rev-parse", "HEAD^{tree}"))) as changes:
        assert (changes.files(), changes.patch()) == ((), "")


def test_the_files_of_submodules_that_are_here_belong_to_it(git, project, first, tmp_path):
    git("init", "--quiet", str(tmp_path / "other"))
    (tmp_path / "other" / "inner.txt").write_text("inner\n")
    git("add", "--all", at=tmp_path / "other")
    git("commit", "--quiet", "-m", "x", at=tmp_path / "other")
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "other"), "vendor/other")

    with open_snapshot([project], commit(git)) as snapshot:
        write_files(snapshot, tmp_path / "out")
        assert snapshot.notes == ()

    assert (tmp_path / "out" / "vendor" / "other" / "inner.txt").read_text() == "inner\n"


@pytest.mark.parametrize("name", ["$HOME", "a:b", 'q"uote', "new\nline"])
def test_a_repository_at_an_odd_place_is_read_looked_at_and_protected(git, project, first, tmp_path, name):
    place = project.rename(tmp_path / name)
    (place / "deep/er/file").write_text("other\n")

    kept = take_snapshot(place, Settings(logs=tmp_path / "logs")).code

    with compare_snapshots(([place], first), ([place], kept.snapshot)) as changes:
        assert [file.path for file in changes.files()] == ["deep/er/file"]
    assert peek(place, tmp_path / "logs").code.tree == kept.tree
    assert list(kept_snapshots(place)) == [kept.snapshot]
    assert list(make_checkout(tmp_path / "checkouts", kept.snapshot, place).path.glob("deep/er/*")) != []
    assert drop_snapshots(place, [kept.snapshot]) == []
