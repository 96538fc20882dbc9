"""What is refused is refused by name, with what to do, and nothing is written."""

from __future__ import annotations

import pytest

from typedxp.errors import SnapshotError


@pytest.fixture
def refused(git, take, users, project):
    def refused(**settings):
        before = users()
        objects = git("count-objects")
        with pytest.raises(SnapshotError) as caught:
            take(project, **settings)
        assert users() == before
        assert git("count-objects") == objects
        assert not (project / ".git/typedxp").exists()
        return str(caught.value)

    return refused


def test_a_dirty_tree_is_refused_where_a_clean_one_is_asked_for(git, project, take, refused):
    (project / "src/train.py").write_text("x = 2\n")
    (project / "notes").write_text("x")

    message = refused(snapshot="clean")

    assert message.startswith(f"xp.snapshot=clean: there is something to commit in {project}:\n")
    assert "\n  modified src/train.py\n  untracked notes\n" in message
    git("add", ".")
    git("commit", "--quiet", "-m", "all")
    assert take(project, snapshot="clean").code.snapshot == git("rev-parse", "HEAD")


def test_of_many_files_twenty_are_listed(project, refused):
    for number in range(30):
        (project / f"{number:02}").write_text("x")

    assert "  untracked 19\n  ... and 10 more\n" in refused(snapshot="clean")


def test_what_cannot_be_checked_is_not_clean(tmp_path, take):
    with pytest.raises(SnapshotError, match=r"xp\.snapshot=clean cannot be had: not in a git repository"):
        take(tmp_path, snapshot="clean")


def test_files_that_are_too_large_are_refused_at_once_the_largest_first(project, refused):
    (project / "weights.bin").write_bytes(b"x" * 3000)
    (project / "new\nline.bin").write_bytes(b"x" * 2000)
    (project / "small").write_bytes(b"x" * 1000)

    message = refused(snapshot_max_file="1KB")

    assert message == (
        "Files that are not committed are larger than xp.snapshot_max_file=1.0KB:\n"
        "  weights.bin (3.0KB)\n"
        "  'new\\nline.bin' (2.0KB)\n"
        "Have git ignore them (.gitignore), commit them, raise the limit, or keep no snapshot: xp.snapshot=off."
    )


def test_files_that_are_too_large_together_are_refused(project, refused):
    for name in "abc":
        (project / name).write_bytes(b"x" * 1000)

    assert "have 3.0KB together, more than xp.snapshot_max_total=2.0KB" in refused(snapshot_max_total=2000)


@pytest.mark.parametrize("how", ["committed", "staged", "ignored", "a link", "off", "allowed"])
def test_what_adds_nothing_may_be_of_any_size(git, project, take, tmp_path, how):
    large = project / "large"
    large.write_bytes(b"x" * 3000)
    if how in ("committed", "staged"):
        git("add", ".")
    if how == "committed":
        git("commit", "--quiet", "-m", "large")
    if how == "ignored":
        (project / ".gitignore").write_text("large\n")
    if how == "a link":
        large.rename(tmp_path / "large")
        large.symlink_to(tmp_path / "large")
    limit = "3KB" if how == "allowed" else "1KB"

    assert take(project, snapshot_max_file=limit, snapshot="off" if how == "off" else "auto").note is None


def test_a_committed_file_that_was_changed_counts(git, project, refused):
    (project / "large").write_bytes(b"x" * 3000)
    git("add", ".")
    git("commit", "--quiet", "-m", "large")
    (project / "large").write_bytes(b"y" * 3000)

    assert "large (3.0KB)" in refused(snapshot_max_file="1KB")


def test_a_file_of_which_git_keeps_a_pointer_may_be_of_any_size(git, project, take):
    (project / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    git("config", "filter.lfs.clean", "printf 'a pointer to %s' %f")
    (project / "weights of 'all'.bin").write_bytes(b"x" * 3000)

    code = take(project, snapshot_max_file="1KB", snapshot_max_total="2KB").code

    assert git("show", f"{code.snapshot}:weights of 'all'.bin") == "a pointer to weights of 'all'.bin"
