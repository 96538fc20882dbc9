"""What is known of the environment of runs, and what is not written down of it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.stages.environment import distributions, machine
from typedxp.stages.environment.distributions import installed
from typedxp.stages.environment.document import describe_environment, describe_here
from typedxp.stages.environment.surroundings import locks, variables
from typedxp.store.store import Store
from typedxp.vocabulary.environment import Distribution
from typedxp.vocabulary.records import RunStatus

AGES_AGO = 10**9


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def install(place: Path, name: str, version: str, direct: dict | str | None = None) -> None:
    info = place / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: other\n")
    if direct is not None:
        (info / "direct_url.json").write_text(direct if isinstance(direct, str) else json.dumps(direct))
    os.utime(place, (AGES_AGO, AGES_AGO))


def nothing(_: Path) -> None:
    return None


def test_this_python_and_its_packages_are_described():
    here = describe_environment([], None, nothing)

    assert here.interpreter.version == ".".join(map(str, sys.version_info[:3]))
    assert here.interpreter.executable == sys.executable
    assert here.interpreter.virtual == (sys.prefix != sys.base_prefix)
    assert here.distributions["pydantic"].version
    assert list(here.distributions) == sorted(here.distributions)
    assert (here.machine.cores, here.machine.kernel) == (os.cpu_count(), os.uname().release)
    assert here.machine.memory > 0


@pytest.mark.parametrize(
    ("direct", "expected"),
    [
        (None, Distribution("1.0")),
        ("no json", Distribution("1.0")),
        ("[]", Distribution("1.0")),
        ({"url": "https://host/a.whl?token=secret"}, Distribution("1.0", "https://host/a.whl")),
        ({"url": "file:///home/me/my%20code", "dir_info": {}}, Distribution("1.0", "/home/me/my code")),
        ({"url": "file:///code", "dir_info": {"editable": True}}, Distribution("1.0", "/code", editable=True)),
        (
            {"url": "https://me:pass@host/a.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            Distribution("1.0", "https://host/a.git", commit="abc"),
        ),
    ],
)
def test_a_package_is_described_with_its_origin_and_without_passwords(tmp_path, direct, expected):
    install(tmp_path, "My_Package", "1.0", direct)

    assert installed([str(tmp_path)]) == {"my-package": expected}


def test_of_two_packages_of_one_name_the_one_that_python_imports_counts(tmp_path):
    install(tmp_path / "first", "a", "2.0")
    install(tmp_path / "second", "a", "1.0")

    assert installed([str(tmp_path / "first"), str(tmp_path / "second")])["a"].version == "2.0"


def test_half_a_package_and_a_directory_that_is_not_there_are_passed_over(tmp_path):
    (tmp_path / "broken-1.0.dist-info").mkdir()
    install(tmp_path, "old", "1.0")
    (tmp_path / "old-1.0.dist-info/METADATA").write_bytes("Name: old\nVersion: 1.0\nAuthor: José\n".encode("latin-1"))
    install(tmp_path, "whole", "1.0")

    assert list(installed([str(tmp_path / "gone"), str(tmp_path)])) == ["whole"]


def test_a_directory_is_scanned_again_only_when_something_was_installed(tmp_path, monkeypatch):
    scans = []
    scan = distributions._scan
    monkeypatch.setattr(distributions, "_scan", lambda place: scans.append(place) or scan(place))
    install(tmp_path, "a", "1.0", {"url": "file:///code", "dir_info": {"editable": True}})

    assert installed([str(tmp_path)]) == installed([str(tmp_path)])
    assert len(scans) == 1
    install(tmp_path, "b", "1.0")
    os.utime(tmp_path, (AGES_AGO + 1, AGES_AGO + 1))
    assert list(installed([str(tmp_path)])) == ["a", "b"]
    assert len(scans) == 2


def test_a_directory_that_changed_a_moment_ago_is_not_remembered(tmp_path):
    install(tmp_path, "a", "1.0")
    os.utime(tmp_path)
    installed([str(tmp_path)])

    assert not list(Path(os.environ["XDG_CACHE_HOME"]).rglob("*.json"))


def test_what_another_version_kept_is_not_believed(tmp_path):
    install(tmp_path, "a", "1.0")
    first = installed([str(tmp_path)])
    [file] = Path(os.environ["XDG_CACHE_HOME"]).rglob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"found": {"a": {"unknown": 1}}}))

    assert installed([str(tmp_path)]) == first


def test_nothing_is_imported_for_a_scan_that_was_done(tmp_path):
    code = (
        "import sys; from typedxp.stages.environment.distributions import installed; found = installed(sys.argv[1:]);"
        "print('importlib.metadata' in sys.modules, *found)"
    )
    install(tmp_path, "a", "1.0")
    installed([str(tmp_path)])

    printed = subprocess.check_output([sys.executable, "-P", "-c", code, str(tmp_path)], text=True)
    assert printed.split() == ["False", "a"]


def test_editable_packages_have_the_commit_of_their_own_repository(tmp_path, monkeypatch):
    root, other = tmp_path / "mine", tmp_path / "other"
    for name, place in (("mine", root), ("other", other)):
        install(tmp_path / "site", name, "1.0", {"url": place.as_uri(), "dir_info": {"editable": True}})
    install(tmp_path / "site", "plain", "1.0")
    monkeypatch.setattr("sys.path", [str(tmp_path / "site")])
    asked = []

    here = describe_environment([], root, lambda place: asked.append(place) or ("abc", True))

    assert asked == [other]
    assert (here.distributions["other"].commit, here.distributions["other"].dirty) == ("abc", True)
    assert here.distributions["mine"].commit is here.distributions["plain"].commit is None


def test_elsewhere_the_state_of_the_code_is_what_the_launch_knew(tmp_path, monkeypatch):
    install(tmp_path / "site", "other", "1.0", {"url": "file:///other", "dir_info": {"editable": True}})
    monkeypatch.setattr("sys.path", [str(tmp_path / "site")])
    launched = describe_environment(["OMP_*"], None, lambda _: ("abc", True))
    launched = replace(launched, locks={"uv.lock": "0"})

    assert describe_here(launched) == launched
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert describe_here(launched) == replace(launched, variables={**launched.variables, "OMP_NUM_THREADS": "3"})
    install(tmp_path / "site", "another", "1.0")
    os.utime(tmp_path / "site", (AGES_AGO + 5, AGES_AGO + 5))
    assert describe_here(launched).distributions["other"].commit == "abc"
    assert "another" in describe_here(launched).distributions


def test_variables_are_chosen_by_patterns():
    given = {"OMP_NUM_THREADS": "4", "OMP_PLACES": "cores", "CUDA_HOME": "/c", "PYTHONHASHSEED": "0"}

    assert variables(["OMP_*", "PYTHONHASHSEED"], given) == {
        "OMP_NUM_THREADS": "4",
        "OMP_PLACES": "cores",
        "PYTHONHASHSEED": "0",
    }


SECRETS = [
    "AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY", "HF_TOKEN", "github_token", "DB_PASSWORD", "PGPASSWD", "SSH_AUTH_SOCK",
    "GITHUB_PAT", "COOKIE", "MY_CREDENTIALS", "PRIVATE_DATA", "SECRET",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_what_may_be_a_secret_is_never_written_down(name):
    assert variables(["*"], {name: "hidden", "OTHER": "shown"}) == {"OTHER": "shown"}


@given(st.text(st.characters(exclude_characters="/"), min_size=1))
def test_passwords_in_urls_are_left_out(password):
    given = {"PIP_INDEX_URL": f"https://user:{password}@host/simple"}

    shown = variables(["PIP_*"], given)["PIP_INDEX_URL"]
    assert shown.startswith("https://*****")
    assert shown.endswith("*@host/simple")


def test_lock_files_of_the_repository_and_the_current_directory_are_known_by_their_content(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    for name in ("uv.lock", "requirements-dev.txt", "notes.txt", "sub/environment.yml", "sub/other.yml"):
        (tmp_path / name).write_text(name)
    (tmp_path / "poetry.lock").mkdir()
    monkeypatch.chdir(tmp_path / "sub")

    assert locks(tmp_path) == {
        name: hashlib.sha256(name.encode()).hexdigest()
        for name in ("requirements-dev.txt", "uv.lock", "sub/environment.yml")
    }
    assert list(locks(None)) == ["environment.yml"]


def test_gpus_and_their_driver_are_read_from_the_files_of_the_driver(tmp_path, monkeypatch):
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15\n")
    for bus in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "gpus" / bus).mkdir(parents=True)
        (tmp_path / "gpus" / bus / "information").write_text("Model: \t\t NVIDIA A100-SXM4-40GB\nIRQ: 1\n")
    monkeypatch.setattr(machine, "_NVIDIA", tmp_path)

    here = machine.machine()
    assert here.driver == "535.104.05"
    assert here.gpus == ("NVIDIA A100-SXM4-40GB",) * 2


def test_a_container_is_told_by_what_it_sets(monkeypatch):
    monkeypatch.setenv("APPTAINER_CONTAINER", "/images/torch.sif")

    assert machine.machine().container == "apptainer: /images/torch.sif"


def test_an_environment_is_kept_once_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    here = describe_environment(["OMP_*"], None, nothing)
    store = Store(tmp_path)

    digest = store.write_document(here)

    assert store.write_document(describe_environment(["OMP_*"], None, nothing)) == digest
    assert store.read_environment(digest) == here
    assert [file.stem for file in store.documents.iterdir()] == [digest]


SCRIPT = """
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    print(run.environment)

if __name__ == "__main__":
    train.main()
"""


def test_all_runs_of_launches_in_one_environment_name_the_same_document(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    shell("git init -q")
    shell("python train.py seed=1,2 && python train.py seed=3 -j 1 && OMP_NUM_THREADS=3 python train.py")

    store = Store(tmp_path / "logs")
    first, *others, last = [run.read_record().environment.document for run in store.runs()]
    assert others == [first, first]
    assert "OMP_NUM_THREADS" not in store.read_environment(first).variables
    assert store.read_environment(last).variables["OMP_NUM_THREADS"] == "3"
    assert {run.read_status().environment for run in store.runs()} == {None}


def test_a_worker_elsewhere_records_what_differs_there(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    shell("git init -q && python train.py -j 1")
    store = Store(tmp_path / "logs")
    run = store.run(1)
    launched = run.read_record().environment.document

    run.write_status(replace(run.read_status(), status=RunStatus.PLANNED))
    shell(f"CUDA_VISIBLE_DEVICES=7 python -P -m typedxp.worker {run.path}")

    executed = run.read_status().environment
    assert executed not in (None, launched)
    assert store.read_environment(executed).variables["CUDA_VISIBLE_DEVICES"] == "7"
    (store.documents / f"{launched}.json").unlink()
    run.write_status(replace(run.read_status(), status=RunStatus.PLANNED))
    shell(f"python -P -m typedxp.worker {run.path}")
    assert run.read_status().environment is None


def test_xp_env_chooses_the_variables(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    shell("git init -q && MY_FLAG=1 MY_TOKEN=hidden python train.py 'xp.env=[MY_*]'")

    [run] = Store(tmp_path / "logs").runs()
    document = Store(tmp_path / "logs").read_environment(run.read_record().environment.document)
    assert document.variables == {"MY_FLAG": "1"}
    assert document.patterns == ("MY_*",)
    assert not any(b"hidden" in file.read_bytes() for file in (tmp_path / "logs").rglob("*") if file.is_file())
