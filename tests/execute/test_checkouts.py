"""Worker processes execute the snapshot of their launch: its files, its imports, its place, whatever happens since."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import typedxp
from typedxp.stages.snapshot.checkout import remove_checkout
from typedxp.store.store import Store

SCRIPT = """
import json, os, sys, time
from pathlib import Path
import typedxp
import values

PLACE = Path({place!r})

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    (PLACE / f"pid.{{seed}}").write_text(str(os.getpid()))
    while not (PLACE / "go").exists():
        time.sleep(0.02)
    from package import late
    read = Path("untracked.txt").read_text()
    found = {{"version": "A", "values": values.V, "late": late.V, "read": read, "cwd": os.getcwd()}}
    run.log_artifact(found, "seen.json")

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with a commit, and the work of an afternoon: modified, staged and new files."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name in ("AUTHOR_NAME", "COMMITTER_NAME", "AUTHOR_EMAIL", "COMMITTER_EMAIL"):
        monkeypatch.setenv(f"GIT_{name}", "a@b")
    root = tmp_path / "project"
    (root / "package").mkdir(parents=True)
    (root / "train.py").write_text("raise RuntimeError('what was committed')")
    (root / "values.py").write_text("V = 0\n")
    (root / "package" / "__init__.py").write_text("")
    (root / ".gitignore").write_text("logs/\n__pycache__/\n*.bin\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root)
    (root / "train.py").write_text(SCRIPT.format(place=str(tmp_path)))
    (root / "values.py").write_text("V = 1\n")
    git(root, "add", "values.py")
    (root / "package" / "late.py").write_text("V = 1\n")
    (root / "untracked.txt").write_text("A")
    yield root
    remove_checkout(tmp_path)


def git(root, *arguments):
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def commit(root):
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "x")


def move_on(root):
    """Make the tree version B: everything is different, and committed."""
    (root / "train.py").write_text("raise RuntimeError('version B')")
    (root / "values.py").write_text("V = 2\n")
    (root / "package" / "late.py").write_text("V = 2\n")
    (root / "untracked.txt").unlink()
    commit(root)


def run_directory(root, number, logs="logs"):
    return Store(root / logs).run(number)


def seen(root, number):
    return json.loads((run_directory(root, number).path / "artifacts" / "seen.json").read_text())


def launch(root, *arguments, code=0, at=None, script="train.py", python=sys.executable, **environment):
    """Launch from the command line, and return what it says."""
    done = subprocess.run(
        [python, str(root / script), *arguments],
        cwd=at or root,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    errors = "".join(path.read_text() for path in sorted(root.glob("logs/*/stderr.log")))
    assert done.returncode == code, f"{done.stderr}\n{errors}"
    return done.stderr


def checkouts(root):
    return sorted(path for path in (root / "logs" / ".typedxp" / "checkouts").iterdir() if path.name != ".gitignore")


def test_jobs_queued_on_version_a_run_version_a_after_the_tree_has_moved_to_b(project, tmp_path, wait_until):
    before = git(project, "status"), git(project, "log"), (project / ".git" / "index").read_bytes()
    command = [sys.executable, "train.py", "seed=1,2,3", "-j", "1"]
    with subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True) as launcher:
        wait_until(lambda: (tmp_path / "pid.1").exists() or launcher.poll() is not None)
        assert (git(project, "status"), git(project, "log"), (project / ".git" / "index").read_bytes()) == before
        move_on(project)
        (tmp_path / "go").touch()
        assert launcher.wait(60) == 0, launcher.stderr.read()

    [checkout] = checkouts(project)
    expected = {"version": "A", "values": 1, "late": 1, "read": "A", "cwd": str(checkout)}
    assert [seen(project, number) for number in (1, 2, 3)] == [expected] * 3
    assert (project / "values.py").read_text() == "V = 2\n"


def test_a_worker_started_by_hand_much_later_runs_what_was_launched(project, tmp_path, wait_until):
    command = [sys.executable, "train.py", "seed=1,2", "-j", "1"]
    with subprocess.Popen(command, cwd=project, stderr=subprocess.DEVNULL) as launcher:
        wait_until((tmp_path / "pid.1").exists)
        launcher.send_signal(signal.SIGINT)
        assert launcher.wait(60) == 130
    move_on(project)
    moved = project.rename(tmp_path / "elsewhere")
    run = run_directory(moved, 2)
    checkout = Path(run.read_record().checkout)
    # The place that the compute nodes know; the repository is gone from where it was.
    (project / "logs").parent.mkdir()
    (moved / "logs").rename(project / "logs")
    (tmp_path / "go").touch()

    worker = [sys.executable, "-P", "-m", "typedxp.worker", str(project / "logs" / "2")]
    done = subprocess.run(worker, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert done.returncode == 0, (project / "logs" / "2" / "stderr.log").read_text()
    assert seen(project, 2) == {"version": "A", "values": 1, "late": 1, "read": "A", "cwd": str(checkout)}


SIMPLE = """
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
{body}
    run.log(seed=seed)

if __name__ == "__main__":
    train.main()
"""


def simple(*lines):
    return SIMPLE.format(body="\n".join(f"    {line}" for line in lines))


def test_a_thousand_runs_of_a_sweep_share_one_checkout(project):
    (project / "train.py").write_text(simple("raise ValueError"))

    launch(project, "seed=range(1000)", "-j", "1", "xp.on_error=stop", code=1)

    [checkout] = checkouts(project)
    records = [run.read_record() for run in Store(project / "logs").runs()]
    assert len(records) == 1000
    assert {record.checkout for record in records} == {str(checkout)}


def test_runs_work_in_the_same_relative_place(project):
    (project / "sub" / "dir").mkdir(parents=True)
    (project / "sub" / "dir" / "tracked").write_text("")
    (project / "train.py").write_text(
        simple("import os, subprocess", "print(os.getcwd(), subprocess.check_output(['pwd'], text=True), end='')")
    )

    launch(project, "-j", "1", f"xp.logs={project}/logs", at=project / "sub" / "dir")

    [checkout] = checkouts(project)
    assert run_directory(project, 1).stdout.read_text().split() == [str(checkout / "sub" / "dir")] * 2
    assert run_directory(project, 1).read_record().cwd == str(project / "sub" / "dir")


def test_runs_launched_from_outside_or_from_what_is_not_in_git_work_there(project, tmp_path):
    (project / "train.py").write_text(simple("import os", "print(os.getcwd(), __file__)"))
    (project / "out.bin").mkdir()

    for at in (tmp_path, project / "out.bin"):
        launch(project, "-j", "1", f"xp.logs={project}/logs", at=at)

    script = str(checkouts(project)[0] / "train.py")
    outputs = [run_directory(project, number).stdout.read_text().split() for number in (1, 2)]
    assert outputs == [[str(tmp_path), script], [str(project / "out.bin"), script]]


LOADED = """
import typedxp, {module}

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    import multiprocessing, subprocess, sys
    import {module}.later
    alone = "import {module}; print({module}.__file__)"
    print({module}.__file__, {module}.later.__file__)
    print(subprocess.check_output([sys.executable, "-c", alone], text=True), end="")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply({module}.where))

if __name__ == "__main__":
    train.main()
"""


def make_package(place):
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("def where(): return __file__\n")
    (place / "later.py").write_text("")


def check_places(root, place):
    """Make sure that all that was printed is in the checkout."""
    [checkout] = checkouts(root)
    found = run_directory(root, 1).stdout.read_text().split()
    first = str(checkout / place / "__init__.py")
    assert found == [first, str(checkout / place / "later.py"), first, first]


def test_a_source_directory_on_the_path_is_that_of_the_checkout_also_for_children(project):
    make_package(project / "src" / "mylib")
    (project / "train.py").write_text(LOADED.format(module="mylib"))

    launch(project, "-j", "1", PYTHONPATH="src")

    check_places(project, "src/mylib")


def test_a_path_into_the_live_tree_that_a_script_adds_leads_to_the_checkout(project):
    make_package(project / "lib" / "mylib")
    (project / "train.py").write_text(
        f"import sys; sys.path.insert(0, {str(project / 'lib')!r})\nimport mylib\n"
        + simple("print(mylib.__file__, mylib.__path__)")
    )

    launch(project, "-j", "1")

    [checkout] = checkouts(project)
    place = checkout / "lib" / "mylib"
    assert run_directory(project, 1).stdout.read_text() == f"{place / '__init__.py'} ['{place}']\n"


BUILDS = {
    "setuptools": ('["setuptools"]', "setuptools.build_meta", ""),
    "hatchling": ('["hatchling"]', "hatchling.build", ""),
    "exact": ('["hatchling", "editables"]', "hatchling.build", "[tool.hatch.build]\ndev-mode-exact = true\n"),
}


@pytest.mark.parametrize("place", ["mylib", "src/mylib"])
@pytest.mark.parametrize("build", BUILDS)
def test_an_editable_installation_of_the_repository_is_that_of_the_checkout(project, tmp_path, build, place):
    requires, backend, more = BUILDS[build]
    make_package(project / place)
    (project / "scripts").mkdir()
    (project / "scripts" / "train.py").write_text(LOADED.format(module="mylib"))
    where = f"[tool.setuptools.packages.find]\nwhere = ['{Path(place).parent}']\ninclude = ['mylib']\n"
    (project / "pyproject.toml").write_text(
        f'[build-system]\nrequires = {requires}\nbuild-backend = "{backend}"\n'
        f'[project]\nname = "mylib"\nversion = "1"\n{more}{where}'
    )
    python = make_environment(tmp_path / "environment")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-build-isolation"]
    subprocess.run([*install, "--no-deps", "--no-index", "--editable", str(project)], check=True, capture_output=True)

    launch(project, "-j", "1", script="scripts/train.py", python=python)

    check_places(project, place)


def make_environment(place):
    """Make a virtual environment in which there is what this one has."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    [packages] = place.glob("lib/python*/site-packages")
    ours = [sysconfig.get_path("purelib"), str(Path(typedxp.__file__).parents[1])]
    (packages / "ours.pth").write_text("\n".join(ours))
    return str(place / "bin" / "python")


def test_an_environment_in_the_repository_is_no_code(project):
    python = make_environment(project / ".venv")
    (project / ".gitignore").write_text(".venv\nlogs\n__pycache__\n")
    [packages] = project.glob(".venv/lib/python*/site-packages")
    (packages / "installed.py").write_text("V = 1\n")
    (project / "train.py").write_text("import installed\n" + simple("print(installed.__file__)"))

    launch(project, "-j", "1", python=python)

    assert run_directory(project, 1).stdout.read_text() == f"{packages / 'installed.py'}\n"


def test_a_module_that_git_ignores_is_reported_before_anything_is_queued_and_can_be_linked(project):
    (project / ".gitignore").write_text("logs\n_version.py\n__pycache__\n")
    (project / "package" / "_version.py").write_text("V = 1\n")
    (project / "train.py").write_text("import package._version\n" + simple("print(package._version.__file__)"))

    refused = launch(project, "-j", "1", code=2)
    launch(project, "-j", "1", "xp.links=package/_version.py")

    assert "The snapshot lacks what was imported here: package/_version.py." in refused
    assert "xp.links=[package/_version.py]" in refused
    assert [path.name for path in (project / "logs").iterdir() if path.name.isdigit()] == ["1"]


CONFIGURED = """
import typedxp
from pathlib import Path
from pydantic import BaseModel, DirectoryPath, FilePath

class Data(BaseModel):
    train: FilePath = Path("train.bin")
    folder: DirectoryPath = Path("folder")
    more: list[FilePath] = []

class Config(BaseModel):
    data: Data = Data()
    code: FilePath = Path("code.yaml")
    plain: Path = Path("plain")

@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    print(config.data.train.read_text(), (config.data.folder / "x.bin").read_text(), config.code.read_text())

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def configured(project):
    (project / "train.py").write_text(CONFIGURED)
    (project / "train.bin").write_text("train")
    (project / "folder").mkdir()
    (project / "folder" / ".gitkeep").write_text("")
    (project / "folder" / "x.bin").write_text("x")
    (project / "code.yaml").write_text("A")
    return project


@pytest.mark.parametrize("links", [(), ("xp.links=[folder,train.bin]",)], ids=["", "linked"])
def test_paths_that_must_exist_are_recorded_absolute_and_found_by_workers(configured, links):
    launch(configured, "-j", "1", "data.more=[train.bin]", *links)

    run = run_directory(configured, 1)
    [checkout] = checkouts(configured)
    assert run.stdout.read_text() == "train x A\n"
    assert run.read_config() == {
        "data": {
            "train": str(configured / "train.bin"),
            "folder": str(configured / "folder"),
            "more": [str(configured / "train.bin")],
        },
        "code": str(checkout / "code.yaml"),
        "plain": "plain",
    }


def test_the_same_point_has_the_same_digest_here_and_in_a_worker(configured):
    launch(configured)
    launch(configured, "-j", "1")

    assert run_directory(configured, 1).read_record().digest == run_directory(configured, 2).read_record().digest


@pytest.mark.parametrize("kind", ["file", "directory", "placeholder", "outside"])
def test_a_relative_path_that_is_here_but_not_in_the_snapshot_is_reported_before_anything_is_queued(configured, kind):
    if kind == "file":
        (configured / "plain.bin").write_text("")
    elif kind == "directory":
        (configured / "plain.bin").mkdir()
    name = {"placeholder": "folder", "outside": ".."}.get(kind, "plain.bin")

    refused = launch(configured, "-j", "1", f"plain={name}", code=2)

    assert f"plain = {name}" in refused
    assert "It is here, but not in the snapshot that worker processes execute" in refused
    assert "xp.links" in refused
    assert not [path for path in (configured / "logs").iterdir() if path.name.isdigit()]


def test_a_relative_path_that_is_linked_or_in_git_or_nowhere_is_left_alone(configured):
    (configured / "plain.bin").mkdir()

    launch(configured, "-j", "1", "plain=plain.bin,package,nowhere,.", "xp.links=[plain.bin,folder]")

    assert [run_directory(configured, number).read_config()["plain"] for number in (1, 2, 3, 4)] == [
        "plain.bin",
        "package",
        "nowhere",
        ".",
    ]


@pytest.mark.parametrize(("links", "why"), [("nothing", "there is no nothing"), ("/etc", "is not inside")])
def test_links_that_cannot_be_are_refused(project, links, why):
    (project / "train.py").write_text(simple())

    assert why in launch(project, "-j", "1", f"xp.links={links}", code=2)


def test_checkouts_may_be_elsewhere(project, tmp_path):
    (project / "train.py").write_text(simple("import os", "print(os.getcwd())"))

    launch(project, "-j", "1", f"xp.checkouts={tmp_path}/scratch")

    record = run_directory(project, 1).read_record()
    assert record.checkout == str(tmp_path / "scratch" / record.code.snapshot)
    assert run_directory(project, 1).stdout.read_text().strip() == record.checkout


def test_a_checkout_that_is_gone_fails_the_run_with_a_clear_word_and_resuming_makes_it_again(project, tmp_path):
    (project / "train.py").write_text(simple("import os", "assert os.path.exists('ok.bin')", "print(__file__)"))
    launch(project, "-j", "1", code=1)
    run = run_directory(project, 1)
    checkout = Path(run.read_record().checkout)
    remove_checkout(checkout)
    (project / "train.py").write_text(simple("raise RuntimeError('version B')"))

    worker = [sys.executable, "-P", "-m", "typedxp.worker", str(run.path)]
    assert subprocess.run(worker, stdin=subprocess.DEVNULL, check=False).returncode == 1
    assert f"The checkout {checkout} of the code of this run is gone." in run.read_status().cause

    launch(project, "-j", "1", "xp.resume=1", code=1)
    assert run.read_status().cause == "AssertionError"
    assert checkout.is_dir()


def test_who_writes_into_the_checkout_is_told_what_to_do_instead(project):
    (project / "train.py").write_text(
        simple("raise PermissionError(13, 'Permission denied', 'figure.png') if seed else PermissionError(1, 'no')")
    )

    launch(project, "-j", "1", "seed=0,1", code=1)

    tracebacks = [run_directory(project, number).read_status().failure.traceback for number in (1, 2)]
    assert ["xp.links" in text for text in tracebacks] == [False, True]
    assert "run.log_artifact" in tracebacks[1]


def test_who_opens_what_git_ignores_is_told_what_to_do(project):
    (project / "data.bin").write_text("1")
    (project / "train.py").write_text(simple("open('data.bin' if seed else 'nowhere.bin').close()"))

    launch(project, "-j", "1", "seed=0,1", code=1)
    launch(project, "-j", "1", "seed=1", "xp.links=data.bin")

    tracebacks = [run_directory(project, number).read_status().failure.traceback for number in (1, 2)]
    assert ["There is data.bin in the working tree, but not in the snapshot" in text for text in tracebacks] == [
        False,
        True,
    ]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_nobody_writes_into_the_checkout(project):
    (project / "train.py").write_text(simple("open('figure.png', 'w')"))

    launch(project, "-j", "1", code=1)

    assert "xp.links" in run_directory(project, 1).read_status().failure.traceback


def test_without_a_snapshot_workers_run_the_live_code(project):
    (project / "train.py").write_text(simple("print(__file__)"))

    launch(project, "-j", "1", "xp.snapshot=off")

    assert run_directory(project, 1).read_record().checkout is None
    assert run_directory(project, 1).stdout.read_text() == f"{project / 'train.py'}\n"


def test_runs_in_the_process_of_the_command_make_no_checkout(project):
    (project / "train.py").write_text(simple("print(__file__)"))

    launch(project)

    assert run_directory(project, 1).read_record().checkout is None
    assert not (project / "logs" / ".typedxp" / "checkouts").exists()
