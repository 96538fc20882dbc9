"""``typedxp gc``: what no run needs goes, what any run may need stays, and runs are never touched."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.cli.conftest import COMMIT, SCRIPT
from tests.conftest import shell_in
from typedxp.cli.main import main
from typedxp.runner import cleaning


@pytest.fixture(scope="module")
def made(original):
    """Make a project with two runs of two versions of the code, in worker processes."""
    project, shell = original.project, shell_in(original.project)
    (project / ".gitignore").write_text("logs*/\nshared/\n")
    (project / "train.py").write_text(SCRIPT)
    shell(COMMIT)
    for version in ("first", "second"):
        (project / "train.py").write_text(SCRIPT + f"# {version}\n")
        shell("python train.py -j 1")
    original.keep()
    return original


@pytest.fixture
def project(made, monkeypatch):
    """Go to the project."""
    monkeypatch.chdir(made.put_back())
    return made.project


@pytest.fixture
def shell(project):
    return shell_in(project)


@pytest.fixture
def later(monkeypatch):
    """Let an hour pass."""
    monkeypatch.setattr(cleaning, "_YOUNG", -1.0)
    monkeypatch.setattr(cleaning, "_LAUNCH", -1.0)


@pytest.fixture
def collected(project, capsys):
    """Type the command; return what is deleted, by kind."""

    def run(*options: str) -> dict[str, list[str]]:
        assert main(["gc", "--json", *options]) == 0
        told = json.loads(capsys.readouterr().out)
        found: dict[str, list[str]] = {"notes": told["notes"]} if told["notes"] else {}
        for waste in told["waste"]:
            found.setdefault(waste["what"], []).append(waste["name"])
        return found

    return run


def snapshot(project, run: int) -> str:
    return json.loads((project / "logs" / str(run) / "run.json").read_text())["code"]["snapshot"]


def checkouts(project) -> set[str]:
    return {path.name for path in (project / "logs" / ".typedxp" / "checkouts").iterdir() if path.is_dir()}


def refs(shell) -> set[str]:
    return set(shell("git for-each-ref --format='%(refname:lstrip=2)' refs/typedxp/").split())


def files(project) -> dict[str, bytes]:
    runs = [path for number in ("1", "2") for path in (project / "logs" / number).rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in runs}


def set_status(project, run: int, status: str) -> None:
    file = project / "logs" / str(run) / "status.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"status": status}))


def test_nothing_young_is_deleted(project, collected, shell):
    shutil.rmtree(project / "logs" / "1")

    assert "checkout" not in (found := collected())
    assert "snapshot" not in found
    assert len(checkouts(project)) == len(refs(shell)) == 2


@pytest.mark.usefixtures("later")
def test_checkouts_of_runs_that_ended_go_and_their_snapshots_stay(project, collected, shell):
    before = files(project)

    assert set(collected("--dry-run")) == {"checkout"}
    assert len(checkouts(project)) == 2
    assert len(collected()["checkout"]) == 2
    assert checkouts(project) == set()
    assert refs(shell) == {snapshot(project, 1), snapshot(project, 2)}
    assert files(project) == before
    assert collected() == {}


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("status", ["planned", "submitted", "running", "what is this"])
def test_a_checkout_that_an_unfinished_run_needs_stays(project, collected, status):
    set_status(project, 2, status)

    collected()

    assert checkouts(project) == {snapshot(project, 2)}


@pytest.mark.usefixtures("later")
def test_the_snapshot_of_a_deleted_run_goes_and_that_of_another_stays(project, collected, shell):
    gone = snapshot(project, 1)
    shutil.rmtree(project / "logs" / "1")

    [named] = collected()["snapshot"]

    assert named == f"{gone} in {project}"
    assert refs(shell) == {snapshot(project, 2)}
    assert shell("git status --porcelain") == " M train.py\n"


@pytest.mark.usefixtures("later")
def test_a_snapshot_that_a_run_in_another_store_names_stays(project, collected, shell):
    shell("python train.py xp.logs=logs2 lr=3")
    shutil.rmtree(project / "logs" / "2")

    assert "snapshot" not in collected()

    (project / "logs2").rename(project / "logs3")
    [note] = collected()["notes"]
    assert f"since {project}/logs2 is not here" in note
    assert len(refs(shell)) == 2
    assert len(collected("--forget", "logs2")["snapshot"]) == 1


def test_snapshots_stay_while_a_launch_may_be_about_to_name_them(project, collected, shell, monkeypatch):
    monkeypatch.setattr(cleaning, "_YOUNG", -1.0)
    shutil.rmtree(project / "logs" / "1")

    assert "kept for now" in collected()["notes"][0]
    assert len(refs(shell)) == 2


@pytest.mark.usefixtures("later")
def test_snapshots_stay_where_a_run_is_damaged(project, collected, shell):
    shutil.rmtree(project / "logs" / "1")
    (project / "logs" / "2" / "run.json").write_text("{")

    assert "is damaged and may need one" in collected()["notes"][0]
    assert len(refs(shell)) == 2


@pytest.mark.usefixtures("later")
def test_a_place_that_stores_share_is_cleaned_if_it_is_named(project, collected, shell):
    shell("python train.py xp.checkouts=shared -j 1 && python train.py xp.checkouts=shared xp.logs=logs2 -j 1")
    [made] = [path for path in (project / "shared").iterdir() if path.is_dir()]

    collected()
    assert made.exists()
    status = project / "logs2" / "1" / "status.json"
    status.write_text(status.read_text().replace("completed", "running"))
    collected("--checkouts", "shared")
    assert made.exists()
    status.write_text(status.read_text().replace("running", "completed"))
    assert collected("--checkouts", "shared")["checkout"] == [str(made)]
    assert not made.exists()


@pytest.mark.usefixtures("later")
def test_what_is_no_checkout_is_left_alone_and_half_made_ones_go(project, collected):
    place = project / "logs" / ".typedxp" / "checkouts"
    (place / "mine").mkdir()
    (place / ("a" * 40)).symlink_to(project)
    (place / ".draft.elsewhere.1.abcdef").mkdir()

    assert len(collected()["half-made checkout"]) == 1
    assert {path.name for path in place.iterdir()} == {"mine", "a" * 40, ".gitignore"}
    assert (project / "train.py").exists()


def test_a_store_that_is_not_there_is_refused(project, capsys):
    assert main(["gc", "--logs", "elsewhere"]) == 2
    assert "There is no directory elsewhere." in capsys.readouterr().err


def test_it_says_what_it_does(project, capsys, monkeypatch):
    monkeypatch.setattr(cleaning, "_YOUNG", -1.0)

    assert main(["gc", "-n"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) == 3
    assert lines[0].startswith("checkout")
    assert lines[-1].startswith("2 things, 0.")
    assert lines[-1].endswith("MB: This is a dry run: nothing was deleted.")
