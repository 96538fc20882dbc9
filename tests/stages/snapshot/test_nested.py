"""Repositories within a repository are part of the snapshot, with their own dirt, and each keeps what is its own."""

from __future__ import annotations

import pytest


@pytest.fixture
def submodule(git, project, tmp_path):
    """A submodule at ``inner``, committed."""
    origin = tmp_path / "origin"
    origin.mkdir()
    git("init", "--quiet", at=origin)
    (origin / "a.py").write_text("a = 1\n")
    git("add", ".", at=origin)
    git("commit", "--quiet", "-m", "inner", at=origin)
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(origin), "inner")
    git("commit", "--quiet", "-m", "with a submodule")
    return project / "inner"


def link(git, commit, path):
    mode, kind, name = git("ls-tree", commit, path).split("\t")[0].split()
    assert (mode, kind) == ("160000", "commit")
    return name


def test_a_clean_submodule_stays_what_it_is(git, project, submodule, take):
    code = take(project).code

    assert (code.dirty, code.snapshot) == (False, git("rev-parse", "HEAD"))
    assert git("for-each-ref", "refs/typedxp", at=submodule) == ""


def test_the_dirt_of_a_submodule_is_kept_in_it(git, project, submodule, take, users):
    (submodule / "a.py").write_text("a = 2\n")
    (submodule / "new.py").write_text("x\n")
    before = users(), users(submodule)

    code = take(project).code

    inner = link(git, code.snapshot, "inner")
    assert git("show", f"refs/typedxp/{inner}:a.py", at=submodule) == "a = 2"
    assert git("show", f"refs/typedxp/{inner}:new.py", at=submodule) == "x"
    assert code.changes == ("modified inner",)
    git("update-ref", "-d", f"refs/typedxp/{inner}", at=submodule)
    git("update-ref", "-d", f"refs/typedxp/{code.snapshot}")
    assert (users(), users(submodule)) == before
    assert take(project).code == code


def test_further_dirt_of_a_dirty_submodule_is_another_snapshot(git, project, submodule, take):
    (submodule / "a.py").write_text("a = 2\n")
    first = take(project).code
    (submodule / "a.py").write_text("a = 3\n")

    assert take(project).code.snapshot != first.snapshot


def test_a_new_commit_in_a_submodule_is_kept_by_a_ref(git, project, submodule, take):
    git("commit", "--quiet", "--allow-empty", "-m", "more", at=submodule)
    head = git("rev-parse", "HEAD", at=submodule)

    assert link(git, take(project).code.snapshot, "inner") == head
    assert git("for-each-ref", "--format=%(refname)", "refs/typedxp", at=submodule) == f"refs/typedxp/{head}"


def test_settings_that_hide_a_submodule_do_not_hide_it_here(git, project, submodule, take):
    git("config", "submodule.inner.ignore", "all")
    git("config", "diff.ignoreSubmodules", "all")
    (submodule / "a.py").write_text("a = 2\n")

    assert take(project).code.dirty is True


@pytest.mark.parametrize("how", ["not there", "never fetched"])
def test_a_submodule_without_files_is_no_obstacle(git, project, submodule, tmp_path, take, how):
    clone = tmp_path / "clone"
    git("clone", "--quiet", str(project), str(clone))
    if how == "not there":
        (clone / "inner").rmdir()
    (clone / "new.py").write_text("x")

    assert take(clone).note is None
    assert ("inner" in git("ls-tree", "--name-only", take(clone).code.snapshot, at=clone)) is (how == "never fetched")


def test_a_repository_that_just_lies_there_is_kept_like_a_submodule(git, project, tmp_path, take, users):
    nested = project / "third party"
    nested.mkdir()
    git("init", "--quiet", at=nested)
    (nested / "b.py").write_text("b\n")
    before = users(), users(nested)

    code = take(project).code

    inner = link(git, code.snapshot, "third party")
    assert git("show", f"refs/typedxp/{inner}:b.py", at=nested) == "b"
    assert code.changes == ("untracked third party",)
    git("update-ref", "-d", f"refs/typedxp/{inner}", at=nested)
    git("update-ref", "-d", f"refs/typedxp/{code.snapshot}")
    assert (users(), users(nested)) == before


def test_no_filter_runs_that_a_nested_repository_brings_along(git, project, tmp_path, take):
    nested = project / "nested"
    nested.mkdir()
    git("init", "--quiet", at=nested)
    (nested / ".gitattributes").write_text("* filter=evil\n")
    (nested / "b.py").write_text("b\n")
    for kind in ("clean", "process"):
        git("config", f"filter.evil.{kind}", f"touch {tmp_path}/executed; cat", at=nested)
    git("config", "filter.evil.required", "true", at=nested)

    code = take(project).code

    assert git("show", f"{link(git, code.snapshot, 'nested')}:b.py", at=nested) == "b"
    assert not (tmp_path / "executed").exists()


def test_a_large_file_of_a_nested_repository_is_refused_by_its_name(git, project, take):
    from typedxp.errors import SnapshotError

    nested = project / "nested"
    nested.mkdir()
    git("init", "--quiet", at=nested)
    (nested / "b.bin").write_bytes(b"x" * 2000)

    with pytest.raises(SnapshotError, match=r"nested/b\.bin \(2\.0KB\)"):
        take(project, snapshot_max_file="1KB")
    assert git("for-each-ref", "refs/typedxp", at=nested) == ""
