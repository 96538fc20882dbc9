"""A snapshot holds the working tree as it is, whatever that is, and nothing of the user's is touched."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ODD = [
    "with space.py",
    "quo\"te's.py",
    "new\nline.py",
    "é ü 中.py",
    "-dash.py",
    ":colon.py",
    "[a]*?.py",
    "back\\slash",
    " ",
]


def do_nothing(project, git):
    """Leave the tree clean."""


def edit(project, git):
    (project / "src/train.py").write_text("x = 2\n")


def stage(project, git):
    edit(project, git)
    git("add", ".")


def stage_and_edit(project, git):
    stage(project, git)
    (project / "src/train.py").write_text("x = 3\n")


def add_files(project, git):
    for name in ODD:
        (project / "src" / name).write_text(name)


def add_a_name_that_is_no_text(project, git):
    Path(os.fsdecode(bytes(project) + b"/\xff\xfe.py")).write_text("x")


def delete(project, git):
    (project / "src/train.py").unlink()


def delete_from_the_index(project, git):
    git("rm", "--quiet", "--cached", "src/train.py")


def stop_tracking_what_is_ignored_now(project, git):
    git("rm", "--quiet", "--cached", "src/train.py")
    (project / ".gitignore").write_text("train.py\n")


def stage_and_delete(project, git):
    (project / "new.py").write_text("x")
    git("add", ".")
    (project / "new.py").unlink()


def rename(project, git):
    git("mv", "src/train.py", "src/learn.py")


def make_executable(project, git):
    (project / "src/train.py").chmod(0o755)


def link(project, git):
    (project / "link.py").symlink_to("src/train.py")
    (project / "broken").symlink_to("/does/not/exist")


def make_a_directory_of_a_file(project, git):
    delete(project, git)
    (project / "src/train.py").mkdir()
    (project / "src/train.py/more.py").write_text("x")


def make_a_file_of_a_directory(project, git):
    delete(project, git)
    (project / "src").rmdir()
    (project / "src").write_text("x")


def make_a_link_of_a_directory(project, git):
    (project / "src").rename(project / "source")
    (project / "src").symlink_to("source")


def intend_to_add(project, git):
    (project / "new.py").write_text("x")
    git("add", "--intent-to-add", "new.py")


def ignore(project, git):
    (project / ".gitignore").write_text("*.bin\n")
    (project / "data.bin").write_text("x")


def force_what_is_ignored(project, git):
    ignore(project, git)
    git("add", "--force", "data.bin")
    (project / "data.bin").write_text("xyz")


def conflict(project, git):
    git("checkout", "--quiet", "-b", "other")
    edit(project, git)
    git("commit", "--quiet", "-am", "other")
    git("checkout", "--quiet", "main")
    (project / "src/train.py").write_text("x = 5\n")
    git("commit", "--quiet", "-am", "ours")
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "other")


def stash(project, git):
    edit(project, git)
    git("stash")
    (project / "notes.txt").write_text("x")


def detach(project, git):
    git("checkout", "--quiet", "--detach")
    edit(project, git)


def end_lines_otherwise(project, git):
    git("config", "core.autocrlf", "true")
    git("config", "core.safecrlf", "true")
    (project / "src/train.py").write_bytes(b"x = 1\r\ny = 2\r\n")
    (project / "mixed.py").write_bytes(b"x = 1\r\ny = 2\n")


def export_less(project, git):
    (project / ".gitattributes").write_text("src export-ignore\n*.py export-subst\n")


def filter_content(project, git):
    (project / ".gitattributes").write_text("*.py filter=upper\n")
    git("config", "filter.upper.clean", "tr a-z A-Z")
    edit(project, git)
    (project / "new.py").write_text("new\n")


def split_the_index(project, git):
    git("config", "core.splitIndex", "true")
    git("update-index", "--split-index")
    edit(project, git)


def cache_what_is_untracked(project, git):
    git("update-index", "--untracked-cache")
    git("status")
    add_files(project, git)


def pack_everything(project, git):
    edit(project, git)
    git("pack-refs", "--all")
    git("gc", "--quiet")


STATES = [
    do_nothing, edit, stage, stage_and_edit, add_files, add_a_name_that_is_no_text, delete, delete_from_the_index,
    stop_tracking_what_is_ignored_now, stage_and_delete, rename, make_executable, link, make_a_directory_of_a_file,
    make_a_file_of_a_directory, make_a_link_of_a_directory, intend_to_add, ignore, force_what_is_ignored, conflict,
    stash, detach, filter_content, export_less, split_the_index, cache_what_is_untracked, pack_everything,
]  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_snapshot_is_what_git_would_add_and_nothing_of_the_users_is_touched(git, project, take, users, added, state):
    state(project, git)
    expected, before = added(), users()

    taken = take(project)

    assert taken.note is None
    assert taken.code.tree == expected == git("rev-parse", f"{taken.code.snapshot}^{{tree}}")
    assert git("for-each-ref", "--format=%(refname) %(objectname)", "refs/typedxp") == (
        f"refs/typedxp/{taken.code.snapshot} {taken.code.snapshot}"
    )
    git("update-ref", "-d", f"refs/typedxp/{taken.code.snapshot}")
    assert users() == before
    assert take(project).code == taken.code


def test_lines_that_end_otherwise_are_kept_as_git_keeps_them(git, project, take, users):
    end_lines_otherwise(project, git)
    before = users()[1:]

    code = take(project).code

    assert git("show", f"{code.snapshot}:src/train.py") == "x = 1\ny = 2"
    assert git("cat-file", "blob", f"{code.snapshot}:mixed.py") == "x = 1\ny = 2"
    assert users()[1:] == before


def test_a_clean_tree_is_its_commit_and_is_kept_when_the_branch_is_gone(git, project, take):
    code = take(project).code

    assert (code.snapshot, code.dirty, code.changes) == (git("rev-parse", "HEAD"), False, ())
    git("checkout", "--quiet", "--orphan", "other")
    git("branch", "-D", "main")
    git("reflog", "expire", "--expire=now", "--all")
    git("gc", "--quiet", "--prune=now")
    assert git("show", f"{code.snapshot}:src/train.py") == "x = 1"


def test_a_clean_tree_is_its_commit_also_where_nothing_can_be_written(git, project, take):
    (project / ".git/refs/typedxp").write_text("in the way")

    taken = take(project)

    assert taken.note is None
    assert taken.code.snapshot == git("rev-parse", "HEAD")


def test_equal_trees_are_one_object_on_whatever_they_are_based(git, project, take):
    edit(project, git)
    first = take(project).code
    git("commit", "--quiet", "--allow-empty", "-m", "nothing")
    second = take(project).code

    assert (first.tree, first.snapshot) == (second.tree, second.snapshot)
    assert first.commit != second.commit
    assert len(git("for-each-ref", "refs/typedxp").splitlines()) == 1


def test_an_unchanged_tree_adds_nothing(git, project, take):
    edit(project, git)
    add_files(project, git)
    old = 1_600_000_000
    take(project)
    for file in (project / "src").iterdir():
        os.utime(file, (old, old))
    count = git("count-objects")

    assert [take(project).code.tree for _ in range(3)] == [take(project).code.tree] * 3
    assert git("count-objects") == count


def test_a_change_of_the_same_size_within_the_same_moment_is_seen(git, project, take):
    file, index = project / "src/train.py", project / ".git/index"
    seen = set()
    for number in range(5):
        file.write_text(f"x = {number}\n")
        os.utime(file, ns=(index.stat().st_mtime_ns,) * 2)
        seen.add(take(project).code.tree)

    assert len(seen) == 5


def test_before_the_first_commit_there_is_a_snapshot_too(git, tmp_path, take):
    project = tmp_path / "project"
    assert take(project).code.tree == git("hash-object", "-t", "tree", os.devnull)
    (project / "train.py").write_text("x = 1\n")

    code = take(project).code

    assert (code.commit, code.dirty, code.changes) == (None, True, ("untracked train.py",))
    assert git("show", f"{code.snapshot}:train.py") == "x = 1"
    assert git("status", "--porcelain") == "?? train.py"
    assert not (project / ".git/index").exists()


def test_worktrees_have_their_own_trees_and_share_what_is_kept(git, project, tmp_path, take, added):
    other = tmp_path / "other tree"
    git("worktree", "add", "--quiet", "-b", "other", str(other))
    (other / "new.py").write_text("x")
    expected = added(other)

    code = take(other / "src").code

    assert (code.root, code.branch, code.tree) == (str(other), "other", expected)
    assert git("show", f"refs/typedxp/{code.snapshot}:new.py") == "x"
    assert take(project).code.dirty is False


def test_a_shallow_clone(git, project, tmp_path, take, added):
    git("commit", "--quiet", "--allow-empty", "-m", "second")
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--depth=1", f"file://{project}", str(clone))
    (clone / "new.py").write_text("x")

    assert take(clone).code.tree == added(clone)


@pytest.mark.parametrize("options", [("--cone",), ("--no-cone",), ("--cone", "--sparse-index")])
def test_a_sparse_checkout_keeps_what_is_not_checked_out(git, project, take, options):
    for name in ("one", "two/three"):
        (project / name).mkdir(parents=True)
        (project / name / "a.py").write_text("a")
    git("add", ".")
    git("commit", "--quiet", "-m", "more")
    git("sparse-checkout", "set", *options, "one")
    (project / "one/a.py").write_text("b")
    (project / "two").mkdir(exist_ok=True)
    (project / "two/new.py").write_text("c")

    code = take(project).code

    names = git("ls-tree", "-r", "--name-only", code.snapshot).splitlines()
    assert names == ["one/a.py", "src/train.py", "two/new.py", "two/three/a.py"]
    assert git("show", f"{code.snapshot}:one/a.py") == "b"


def test_a_partial_clone_is_not_completed(git, project, tmp_path, take):
    git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--filter=blob:none", "--sparse", f"file://{project}", str(clone))
    (clone / "new.py").write_text("x")

    code = take(clone).code

    assert git("ls-tree", "-r", "--name-only", code.snapshot, at=clone).splitlines() == ["new.py", "src/train.py"]


def test_the_runs_of_a_store_are_not_part_of_it(git, project, take):
    for name in ("logs/1/run.json", "logs [x]/1/run.json"):
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text("{}")

    code = take(project, logs=project / "logs").code

    assert git("ls-tree", "-r", "--name-only", code.snapshot).splitlines() == ["logs [x]/1/run.json", "src/train.py"]
    assert code.changes == ("untracked logs [x]/1/run.json",)


def test_the_kinds_of_change_are_told_in_words(git, project, take):
    for name in ("kept", "gone", "staged"):
        (project / name).write_text("1")
    git("add", ".")
    git("commit", "--quiet", "-m", "more")
    (project / "kept").write_text("22")
    (project / "gone").unlink()
    git("mv", "staged", "moved")
    (project / "new\nline").write_text("x")

    assert sorted(take(project).code.changes) == [
        "added moved", "deleted gone", "deleted staged", "modified kept", "untracked 'new\\nline'",
    ]  # fmt: skip


def test_of_many_changes_fifty_lines_are_told(project, take):
    for number in range(60):
        (project / f"file_{number:02}").write_text("x")

    changes = take(project).code.changes

    assert (len(changes), changes[48], changes[49]) == (50, "untracked file_48", "... and 11 more")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://user:secret@example.org/a.git", "https://example.org/a.git"),
        ("https://token@example.org:8443/a.git?private_token=secret#x", "https://example.org:8443/a.git"),
        ("ssh://git:secret@example.org:22/a.git", "ssh://git@example.org:22/a.git"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("/home/me/a b", "/home/me/a b"),
    ],
)
def test_the_remote_is_told_without_credentials(git, project, take, url, told):
    git("remote", "add", "origin", url)

    assert take(project).code.remote == told


def test_the_remote_is_that_of_the_branch(git, project, take):
    git("remote", "add", "origin", "/one")
    git("remote", "add", "fork.of'me'", "/two")
    git("config", "branch.main.remote", "fork.of'me'")

    assert take(project).code.remote == "/two"


def test_the_script_is_told_where_it_lies_in_the_tree(project, tmp_path):
    from typedxp.stages.snapshot.snapshot import take_snapshot
    from typedxp.vocabulary.settings import Settings

    (tmp_path / "alias").symlink_to(project)

    assert take_snapshot(project, Settings(), project / "src/train.py").code.script == "src/train.py"
    assert take_snapshot(project, Settings(), tmp_path / "alias/src/train.py").code.script == "src/train.py"
    assert take_snapshot(project, Settings(), tmp_path / "elsewhere.py").code.script is None


def test_nothing_is_kept_if_it_is_off(git, project, take):
    edit(project, git)

    code = take(project, snapshot="off").code

    assert (code.dirty, code.tree, code.snapshot, code.changes) == (True, None, None, ("modified src/train.py",))
    assert git("for-each-ref", "refs/typedxp") == ""
    assert not (project / ".git/typedxp").exists()


def test_runs_in_the_root_of_the_repository_hide_no_code(project, take, added):
    for file in (".typedxp/index", "jobs/schedule.py", "src/jobs/schedule.py"):
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text("x = 1")

    assert take(project).code.tree == added()
