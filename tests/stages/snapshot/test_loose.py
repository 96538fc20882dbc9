"""What is written into a repository without git is what git would have written."""

from __future__ import annotations

import os
import stat

import pytest

from typedxp.stages.snapshot.loose import Objects, write_reference


@pytest.fixture
def objects(project):
    return Objects.beside(project / ".git", "0" * 40)


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 1000], ids=len)
def test_git_reads_what_was_written(git, project, objects, tmp_path, data):
    (tmp_path / "data").write_bytes(data)

    name = objects.write("blob", data)

    assert name == objects.name("blob", data) == git("hash-object", str(tmp_path / "data"))
    assert git("cat-file", "-s", name) == str(len(data))
    assert git("fsck", "--strict", "--no-dangling") == ""


def test_what_is_there_is_kept_and_looks_new(project, objects):
    name = objects.write("blob", b"x")
    path = project / f".git/objects/{name[:2]}/{name[2:]}"
    os.utime(path, (1, 1))
    node = path.stat().st_ino

    assert objects.write("blob", b"x") == name
    assert (path.stat().st_ino, stat.S_IMODE(path.stat().st_mode)) == (node, 0o444)
    assert path.stat().st_mtime > 1
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(project, objects, monkeypatch):
    monkeypatch.setattr("os.fdopen", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        objects.write("blob", b"x")
    assert not list((project / ".git/objects").rglob("tmp_obj_*"))


@pytest.mark.parametrize("shared", ["group", "all", "0640"])
def test_a_repository_that_is_shared_is_left_to_git(git, tmp_path, take, added, shared):
    place = tmp_path / "shared"
    place.mkdir()
    git("init", "--quiet", f"--shared={shared}", at=place)
    git("commit", "--quiet", "--allow-empty", "-m", "first", at=place)
    (place / "new.py").write_text("x")
    expected = added(place)
    writable = 0o2050 if shared == "0640" else 0o2070

    code = take(place).code

    assert Objects.beside(place / ".git", code.commit) is None
    assert not write_reference(place / ".git", "refs/typedxp/other", code.commit)
    assert code.tree == expected
    for path in (f"objects/{code.snapshot[:2]}", "refs/typedxp"):
        assert (place / ".git" / path).stat().st_mode & 0o2070 == writable


def test_a_directory_that_is_open_to_more_than_we_would_open_it_to_is_left_to_git(project):
    before = os.umask(0o077)
    try:
        assert Objects.beside(project / ".git", "0" * 40) is None
        assert not write_reference(project / ".git", "refs/typedxp/other", "0" * 40)
    finally:
        os.umask(before)


def test_a_reference_is_what_git_says_it_is(git, project):
    head = git("rev-parse", "HEAD")

    assert write_reference(project / ".git", f"refs/typedxp/{head}", head)
    assert git("for-each-ref", "--format=%(refname) %(objectname)", "refs/typedxp") == f"refs/typedxp/{head} {head}"


def test_a_reference_that_somebody_else_is_writing_is_left_to_git(git, project):
    head = git("rev-parse", "HEAD")
    lock = project / f".git/refs/typedxp/{head}.lock"
    lock.parent.mkdir()
    lock.write_text("")

    assert not write_reference(project / ".git", f"refs/typedxp/{head}", head)
    assert lock.exists()


def test_references_that_are_no_files_are_left_to_git(project, tmp_path):
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs/heads").write_text("this repository uses the reftable format\n")

    assert not write_reference(tmp_path, f"refs/typedxp/{'1' * 40}", "1" * 40)
    assert not (tmp_path / "refs/typedxp").exists()
