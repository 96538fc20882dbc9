"""The short way to a tree ends at the tree that git makes, or leaves it to git."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stages.snapshot import test_snapshots as states
from typedxp.stages.snapshot.loose import Objects
from typedxp.stages.snapshot.patching import patch_tree
from typedxp.stages.snapshot.tree import looked


def patch(place: Path) -> str | None:
    with looked(place) as working:
        common = Path(working.repository.git.common_dir)
        return patch_tree(working, Objects.beside(common, working.commit))


@pytest.mark.parametrize(
    "state",
    [
        states.edit, states.stage, states.stage_and_edit, states.delete, states.delete_from_the_index,
        states.stop_tracking_what_is_ignored_now, states.stage_and_delete, states.rename, states.make_executable,
        states.link, states.intend_to_add, states.force_what_is_ignored, states.conflict, states.detach,
        states.add_a_name_that_is_no_text, states.export_less, states.split_the_index, states.pack_everything,
    ],
    ids=lambda state: state.__name__,
)  # fmt: skip
def test_what_is_common_needs_no_index(git, project, added, state):
    state(project, git)

    assert patch(project) == added()
    assert git("fsck", "--strict", "--no-dangling") == ""


def add_a_program(project, git):
    (project / "run.sh").write_text("x")
    (project / "run.sh").chmod(0o755)


def add_a_large_file(project, git):
    (project / "data.bin").write_bytes(bytes(1 << 20))


def add_a_repository(project, git):
    (project / "nested").mkdir()
    git("init", "--quiet", at=project / "nested")
    (project / "nested/a.py").write_text("x")


def name_it_in_two_lines(project, git):
    (project / "new\nline.py").write_text("x")


def delete_what_says_how_files_are_kept(project, git):
    states.filter_content(project, git)
    git("add", ".gitattributes")
    git("commit", "--quiet", "-m", "attributes")
    (project / ".gitattributes").unlink()


def end_lines_otherwise(project, git):
    git("config", "core.autocrlf", "true")
    (project / "src/train.py").write_bytes(b"x = 1\r\ny = 2\r\n")


def expand_words(project, git):
    (project / ".gitattributes").write_text("*.py ident\n")
    (project / "src/train.py").write_text("# $Id: abc $\n")


def encode_otherwise(project, git):
    (project / ".gitattributes").write_text("*.py working-tree-encoding=UTF-16LE\n")
    (project / "src/train.py").write_bytes("x = 2\n".encode("utf-16-le"))


@pytest.mark.parametrize(
    "state",
    [
        states.make_a_directory_of_a_file, states.make_a_file_of_a_directory, states.make_a_link_of_a_directory,
        states.filter_content, add_a_program, add_a_large_file, add_a_repository, name_it_in_two_lines,
        delete_what_says_how_files_are_kept, end_lines_otherwise, expand_words, encode_otherwise,
    ],
    ids=lambda state: state.__name__,
)  # fmt: skip
def test_what_is_not_as_simple_is_left_to_git(git, project, take, state):
    state(project, git)

    assert patch(project) is None
    assert take(project).code.snapshot is not None


@pytest.mark.parametrize(
    "state",
    [end_lines_otherwise, expand_words, encode_otherwise, add_a_program],
    ids=lambda state: state.__name__,
)
def test_what_was_left_to_git_is_what_git_would_add(git, project, take, added, state):
    state(project, git)
    expected = added()

    assert take(project).code.tree == expected


def test_a_filter_that_only_the_index_knows_is_applied(git, project, take):
    states.filter_content(project, git)
    git("add", ".gitattributes")
    git("commit", "--quiet", "-m", "attributes")
    git("update-index", "--skip-worktree", ".gitattributes")
    (project / ".gitattributes").unlink()

    assert patch(project) is None
    assert git("show", f"{take(project).code.snapshot}:new.py") == "NEW"


def test_what_a_filter_hides_is_not_kept(git, project, take):
    (project / ".gitattributes").write_text("*.key filter=hide\n")
    git("config", "filter.hide.clean", "echo hidden")
    (project / "my.key").write_text("secret\n")

    code = take(project).code

    assert git("show", f"{code.snapshot}:my.key") == "hidden"
    name = git("hash-object", "--no-filters", "my.key")
    with pytest.raises(subprocess.CalledProcessError):
        git("cat-file", "-e", name)


@pytest.mark.parametrize("mode", ["100644", "100755"])
def test_modes_that_the_file_system_does_not_have_are_those_of_the_index(git, project, added, mode):
    git("update-index", "--chmod=" + ("+x" if mode == "100755" else "-x"), "src/train.py")
    git("commit", "--quiet", "--allow-empty", "-m", "mode")
    git("config", "core.fileMode", "false")
    (project / "src/train.py").chmod(0o644 if mode == "100755" else 0o755)
    (project / "src/train.py").write_text("x = 2\n")

    tree = patch(project)

    assert tree == added()
    assert git("ls-tree", tree, "src/train.py").split()[0] == mode


def test_links_that_are_written_as_files_stay_links(git, project, added):
    (project / "link").symlink_to("src")
    git("add", ".")
    git("commit", "--quiet", "-m", "link")
    git("config", "core.symlinks", "false")
    (project / "link").unlink()
    (project / "link").write_text("elsewhere")
    expected = added()

    assert patch(project) in (expected, None)


def test_a_staged_submodule_is_part_of_it(git, project, added):
    (project / "new.py").write_text("x")
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    (project / "module").mkdir()

    assert patch(project) == added()


def test_trees_that_were_never_fetched_are_left_to_git(git, project, take, added):
    git("config", "extensions.partialClone", "origin")
    git("config", "remote.origin.promisor", "true")
    git("config", "remote.origin.url", "/nowhere")
    name = git("rev-parse", "HEAD:src")
    (project / ".git/objects" / name[:2] / name[2:]).unlink()
    (project / "src/new.py").write_text("x")
    expected = added()

    assert take(project).code.tree == expected


def test_a_repository_with_longer_hashes_is_left_to_git(git, tmp_path, take, added):
    place = tmp_path / "longer"
    place.mkdir()
    git("init", "--quiet", "--object-format=sha256", at=place)
    (place / "a.py").write_text("a")
    git("add", ".", at=place)
    git("commit", "--quiet", "-m", "first", at=place)
    (place / "a.py").write_text("b")
    (place / "b").symlink_to("a.py")

    code = take(place).code

    assert (code.tree, patch(place)) == (added(place), None)
    assert (len(code.snapshot), git("fsck", "--strict", "--no-dangling", at=place)) == (64, "")


# Names that sort otherwise as directories than as files, and one that git would quote.
NAMES = st.sampled_from(["a", "a.b", "a-b", "a0", "é", 'q"', "b"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.sampled_from(["", "1\n", "2\n", "link", "program"]), max_size=8)


def write(root: Path, files: dict[str, str]) -> None:
    """Make the tree consist of these files; of two that exclude each other the first one is."""
    for path in sorted(root.rglob("*"), reverse=True):
        if ".git" not in path.relative_to(root).parts:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, content in files.items():
        path = root / name
        if path.is_dir() or any(above.is_file() or above.is_symlink() for above in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if content == "link":
            path.symlink_to("/nowhere")
        else:
            path.write_text(content)
            path.chmod(0o755 if content == "program" else 0o644)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(committed=FILES, staged=FILES, found=FILES)
def test_whatever_has_changed_the_tree_is_the_one_that_git_makes(git, added, take, committed, staged, found):
    with TemporaryDirectory() as name:
        root = Path(name)
        git("init", "--quiet", at=root)
        write(root, {**committed, "always": ""})
        for files in (staged, found):
            git("add", "--all", at=root)
            if files is staged:
                git("commit", "--quiet", "-m", "committed", at=root)
            write(root, files)
        expected = added(root)

        assert patch(root) in (expected, None)
        assert take(root).code.tree == expected
        assert git("fsck", "--strict", "--no-dangling", at=root) == ""


def test_trees_are_read_from_packs_and_from_repositories_that_are_borrowed_from(git, project, tmp_path, take, added):
    git("gc", "--quiet", at=project)
    borrower = tmp_path / "borrower"
    git("clone", "--quiet", "--shared", str(project), str(borrower), at=tmp_path)
    for place in (project, borrower):
        next(path for path in place.rglob("*.py")).write_text("changed = True\n")

        assert take(place).code.tree == added(place) == patch(place)
