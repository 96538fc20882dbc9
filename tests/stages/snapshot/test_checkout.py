"""A checkout has the bytes of the snapshot, nobody writes to it, and making it runs nothing a repository asks for."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from typedxp.errors import ExecutionError
from typedxp.stages.snapshot.checkout import make_checkout, remove_checkout

NAMES = ["a b.txt", "q'u\"ote", "new\nline", "é.txt", "-dash", ":(top)magic", "deep/er/file", "[glob]*"]


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Type git commands in ``tmp_path/project``, by a user without settings of his own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for name in ("AUTHOR_NAME", "COMMITTER_NAME", "AUTHOR_EMAIL", "COMMITTER_EMAIL"):
        monkeypatch.setenv(f"GIT_{name}", "a@b")
    (tmp_path / "project").mkdir()

    def type_in(*arguments, at: Path = tmp_path / "project") -> str:
        return subprocess.run(["git", *arguments], cwd=at, capture_output=True, text=True, check=True).stdout.strip()

    type_in("config", "--global", "protocol.file.allow", "always")
    type_in("init", "--quiet", "--initial-branch=main")
    return type_in


@pytest.fixture
def project(git, tmp_path):
    yield tmp_path / "project"
    # Which cannot be removed with all the rest, since nobody may write in there.
    remove_checkout(tmp_path)


@pytest.fixture
def commit(git):
    """Commit all that is there, and return the hash."""

    def add(at=None) -> str:
        more = {} if at is None else {"at": at}
        git("add", "--all", **more)
        git("commit", "--quiet", "--allow-empty", "--message", "x", **more)
        return git("rev-parse", "HEAD", **more)

    return add


@pytest.fixture
def check_out(project, tmp_path):
    def make(snapshot, links=(), root=project):
        return make_checkout(tmp_path / "checkouts", snapshot, root, links).path

    return make


def files(directory):
    """Return the bytes of all files, and where links lead, by relative path; without those of git itself."""
    found = {}
    for path in directory.rglob("*"):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file() and ".git" not in path.relative_to(directory).parts:
            found[name] = path.read_bytes()
    return found


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_files_are_as_they_were_whatever_they_are_called(project, commit, check_out):
    for name in NAMES:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(f"{name}\r\n\0".encode())
    (project / "program").write_text("#!/bin/sh\n")
    (project / "program").chmod(0o755)
    (project / "link").symlink_to("deep/er")
    (project / "lost").symlink_to("nowhere")

    checkout = check_out(commit())

    assert files(checkout) == files(project)
    assert mode(checkout / "program") & 0o111 == mode(project / "program") & 0o111
    assert mode(checkout / "a b.txt") & 0o111 == 0


def test_nobody_has_the_right_to_write_but_python_to_what_it_compiled(project, commit, check_out):
    (project / "pkg").mkdir()
    (project / "pkg" / "module.py").write_text("")
    (project / "pkg" / "data.txt").write_text("")

    checkout = check_out(commit())

    writable = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if mode(path) & 0o222}
    assert writable == {"pkg/__pycache__"}
    assert mode(checkout) & 0o222 == 0


def test_a_checkout_is_a_repository_at_the_snapshot_in_which_nothing_has_changed(project, git, commit, check_out):
    (project / ".gitignore").write_text("__pycache__\n")
    (project / "a.py").write_text("")
    snapshot = commit()

    checkout = check_out(snapshot)

    assert git("rev-parse", "HEAD", at=checkout) == snapshot
    assert git("rev-parse", "--show-toplevel", at=checkout) == str(checkout)
    assert git("status", "--porcelain", at=checkout) == ""


def test_the_users_repository_is_not_touched_and_does_not_see_the_checkout(project, git, commit, tmp_path):
    (project / "a.py").write_text("")
    snapshot = commit()
    (project / "a.py").write_text("x = 1\n")
    before = {path: path.read_bytes() for path in (project / ".git").rglob("*") if path.is_file()}

    make_checkout(project / "logs" / "checkouts", snapshot, project)

    assert {path: path.read_bytes() for path in (project / ".git").rglob("*") if path.is_file()} == before
    assert git("status", "--porcelain") == "M a.py"


def test_a_checkout_is_made_once_and_works_without_the_repository(project, commit, check_out):
    (project / "a.py").write_text("1")
    snapshot = commit()
    first = check_out(snapshot)
    made = first.stat().st_ino
    project.rename(project.parent / "moved")

    assert check_out(snapshot) == first
    assert first.stat().st_ino == made
    assert (first / "a.py").read_text() == "1"


def test_many_who_make_it_at_once_get_one_and_leave_nothing_else(project, commit, tmp_path):
    for number in range(50):
        (project / f"{number}.py").write_text(str(number))
    snapshot = commit()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make_checkout(tmp_path / "all", snapshot, project).path, range(16)))

    assert set(made) == {tmp_path / "all" / snapshot}
    assert {path.name for path in (tmp_path / "all").iterdir()} == {".gitignore", snapshot}
    assert files(made[0]) == files(project)


@pytest.mark.parametrize("kind", ["dead", "old"])
def test_what_a_killed_process_left_half_made_is_removed(project, commit, check_out, tmp_path, kind):
    snapshot = commit()
    gone = subprocess.Popen(["true"])
    gone.wait()
    host = os.uname().nodename if kind == "dead" else "another.machine"
    half = tmp_path / "checkouts" / f".draft.{host}.{gone.pid}.abcd"
    (half / "sealed").mkdir(parents=True)
    (half / "sealed" / "file").write_text("half")
    (half / "sealed").chmod(0o555)
    os.utime(half, (time.time() - 48 * 3600,) * 2)

    check_out(snapshot)

    assert not half.exists()


@pytest.mark.parametrize("kind", ["alive", "elsewhere"])
def test_what_another_process_is_at_work_on_is_left(commit, check_out, tmp_path, kind):
    host = os.uname().nodename if kind == "alive" else "another.machine"
    half = tmp_path / "checkouts" / f".draft.{host}.{os.getpid()}.abcd"
    half.mkdir(parents=True)

    check_out(commit())

    assert half.is_dir()


def test_a_checkout_that_cannot_be_made_leaves_nothing_and_says_why(project, commit, tmp_path):
    commit()

    with pytest.raises(
        ExecutionError, match=r"The files of the snapshot aaaaaaaaaa cannot be put into .*checkouts: .+"
    ):
        make_checkout(tmp_path / "checkouts", "a" * 40, project)
    with pytest.raises(ExecutionError, match=r"there is no git repository at .*no repository"):
        make_checkout(tmp_path / "checkouts", "a" * 40, tmp_path / "no repository")
    with pytest.raises(ExecutionError, match="is not the hash of a snapshot"):
        make_checkout(tmp_path / "checkouts", "../../etc", project)
    assert [path.name for path in (tmp_path / "checkouts").iterdir()] == [".gitignore"]


def test_attributes_for_exporting_leave_nothing_out_and_change_nothing(project, commit, check_out):
    (project / ".gitattributes").write_text("secret.py export-ignore\nversion.py export-subst\n")
    (project / "secret.py").write_text("x = 1\n")
    (project / "version.py").write_text("'$Format:%H$'\n")

    assert files(check_out(commit())) == files(project)


@pytest.mark.parametrize(("settings", "attributes"), [({"core.autocrlf": "true"}, ""), ({}, "*.txt text eol=crlf\n")])
def test_lines_end_as_the_repository_has_it(project, git, commit, check_out, settings, attributes):
    for key, value in settings.items():
        git("config", key, value)
    (project / ".gitattributes").write_bytes(attributes.encode())
    (project / "a.txt").write_bytes(b"1\r\n2\r\n")
    snapshot = commit()
    assert b"\r" not in subprocess.check_output(["git", "show", f"{snapshot}:a.txt"], cwd=project)

    assert (check_out(snapshot) / "a.txt").read_bytes() == b"1\r\n2\r\n"


def test_attributes_that_are_not_in_the_tree_count_too(project, commit, check_out):
    (project / ".git" / "info" / "attributes").write_text("*.txt text eol=crlf\n")
    (project / "a.txt").write_bytes(b"1\r\n")

    assert (check_out(commit()) / "a.txt").read_bytes() == b"1\r\n"


def test_filters_that_the_user_has_set_up_are_run_as_by_git_checkout(project, git, commit, check_out):
    git("config", "--global", "filter.shift.clean", "tr a-y b-z")
    git("config", "--global", "filter.shift.smudge", "tr b-z a-y")
    (project / ".gitattributes").write_text("*.txt filter=shift\n")
    (project / "a.txt").write_text("hello")
    snapshot = commit()
    assert git("show", f"{snapshot}:a.txt") == "ifmmp"

    assert (check_out(snapshot) / "a.txt").read_text() == "hello"


def test_nothing_that_only_the_repository_asks_for_is_executed(project, git, commit, tmp_path):
    (project / ".gitattributes").write_text("*.txt filter=trap\n")
    (project / "a.txt").write_text("hello")
    (project / "b.txt").write_text("hello")
    snapshot = commit()
    trap = f"touch '{tmp_path}/sprung'; cat"
    for key in ("filter.trap.smudge", "filter.trap.process", "filter.trap.clean", "core.fsmonitor", "core.sshCommand"):
        git("config", key, trap)
    git("config", "filter.trap.required", "true")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in (*(hooks / name for name in ("post-checkout", "post-index-change")),):
        hook.write_text(f"#!/bin/sh\n{trap}\n")
        hook.chmod(0o755)
        (project / ".git" / "hooks").mkdir(exist_ok=True)
        (project / ".git" / "hooks" / hook.name).symlink_to(hook)
    git("config", "core.hooksPath", str(hooks))

    made = make_checkout(tmp_path / "checkouts", snapshot, project)

    assert not (tmp_path / "sprung").exists()
    assert (made.path / "a.txt").read_text() == "hello"
    [note] = made.notes
    assert note.startswith(
        "the filter trap is configured in the repository itself, and was not run: a.txt, b.txt are as"
    )


def test_submodules_are_there_and_those_that_were_never_fetched_are_empty(project, git, commit, check_out, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        git("init", "--quiet", at=tmp_path / name)
        (tmp_path / name / "m.py").write_text(name)
        commit(tmp_path / name)
        git("submodule", "--quiet", "add", str(tmp_path / name), f"libs/{name}")
    snapshot = commit()
    git("submodule", "--quiet", "deinit", "--force", "libs/two")

    checkout = check_out(snapshot)

    assert files(checkout / "libs" / "one") == {"m.py": b"one"}
    assert list((checkout / "libs" / "two").iterdir()) == []
    assert mode(checkout / "libs" / "one" / "m.py") & 0o222 == 0


def test_worktrees_sparse_and_shallow_clones_have_what_they_had(project, git, commit, check_out, tmp_path):
    for name in ("in/a.py", "out/b.py"):
        (project / name).parent.mkdir()
        (project / name).write_text(name)
    snapshot = commit()
    git("worktree", "add", "--quiet", str(tmp_path / "tree"), "-b", "other")
    git("sparse-checkout", "set", "in", at=tmp_path / "tree")
    git("clone", "--quiet", "--depth=1", project.as_uri(), str(tmp_path / "shallow"))

    sparse = make_checkout(tmp_path / "sparse", snapshot, tmp_path / "tree").path
    shallow = make_checkout(tmp_path / "of shallow", snapshot, tmp_path / "shallow").path

    assert files(sparse) == {"in/a.py": b"in/a.py"}
    assert files(shallow) == {"in/a.py": b"in/a.py", "out/b.py": b"out/b.py"}
    assert git("log", "--format=%H", at=shallow) == snapshot


def test_a_repository_may_lie_in_a_directory_of_any_name_and_have_longer_hashes(project, git, commit, tmp_path):
    odd = tmp_path / 'a\n"b" c:d\\e'
    odd.mkdir()
    git("init", "--quiet", "--object-format=sha256", at=odd)
    (odd / "a.py").write_text("1")

    made = make_checkout(tmp_path / "checkouts", commit(odd), odd)

    assert files(made.path) == {"a.py": b"1"}


def test_git_started_by_a_hook_of_git_is_not_confused(project, commit, check_out, monkeypatch):
    (project / "a.py").write_text("1")
    snapshot = commit()
    index = (project / ".git" / "index").read_bytes()
    for name, value in {"DIR": ".git", "INDEX_FILE": ".git/index", "WORK_TREE": "."}.items():
        monkeypatch.setenv(f"GIT_{name}", value)
    monkeypatch.chdir(project)

    assert (check_out(snapshot) / "a.py").read_text() == "1"
    assert (project / ".git" / "index").read_bytes() == index


def test_data_that_is_not_in_git_is_linked_in_its_place(project, commit, check_out):
    (project / ".gitignore").write_text("data/*\n!data/.gitkeep\nmodels\n")
    (project / "data").mkdir()
    (project / "data" / ".gitkeep").write_text("")
    (project / "data" / "train.csv").write_text("1,2")
    (project / "models" / "big").mkdir(parents=True)
    (project / "models" / "big" / "w.pt").write_text("w")
    snapshot = commit()

    checkout = check_out(snapshot, ["data", "models/big"])

    assert (checkout / "data").readlink() == project / "data"
    assert (checkout / "models" / "big" / "w.pt").read_text() == "w"
    assert os.access(checkout / "data", os.W_OK)
    assert len({checkout, check_out(snapshot), check_out(snapshot, ["data"])}) == 3
    assert check_out(snapshot, ["models/big", "data"]) == checkout
    remove_checkout(checkout)
    assert (project / "data" / "train.csv").exists()


def test_links_in_git_that_lead_out_of_the_repository_lead_to_the_same_place(project, commit, check_out, tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "x").write_text("x")
    (project / "deep").mkdir()
    (project / "deep" / "data").symlink_to("../../shared")
    (project / "near").symlink_to("deep/data")
    (project / "far").symlink_to(tmp_path / "shared" / "x")

    checkout = check_out(commit())

    assert [(checkout / name).read_text() for name in ("deep/data/x", "near/x", "far")] == ["x"] * 3
    assert (checkout / "near").readlink() == Path("deep/data")


def test_a_link_behind_a_link_of_the_tree_is_refused(project, commit, check_out, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_text("x")
    (project / "data").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ExecutionError, match=r"xp\.links: data/x lies behind a link that is in git"):
        check_out(commit(), ["data/x"])
    assert (tmp_path / "elsewhere" / "x").read_text() == "x"
