"""``typedxp bundle``: what a reviewer gets describes itself, says nothing that it should not, and can be run again."""

from __future__ import annotations

import getpass
import json
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import COMMIT
from tests.conftest import shell_in

SCRIPT = """
import time
from pathlib import Path

import numpy
from pydantic import BaseModel, SecretStr

import typedxp

class Config(BaseModel):
    lr: float = 0.1
    place: str = "."
    data: typedxp.InputPath = "data.csv"
    token: SecretStr = SecretStr("")

@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    for step in range(3):
        run.log(loss=config.lr / (step + 1))
    run.log_artifact(numpy.arange(3), "weights/last.npy")
    if config.lr == 2:
        raise ValueError(f"too large, at {Path.cwd()}")

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture(scope="module")
def made(original):
    """Make a project with two runs, of which the second failed; the script has changed since it was committed."""
    pytest.importorskip("rocrate")
    project, shell = original.project, shell_in(original.project)
    (project / "src").mkdir()
    (project / "src" / "train.py").write_text(SCRIPT)
    (project / "data.csv").write_text("a,b\n1,2\n")
    (project / "LICENSE").write_text("As you like.\n")
    (project / ".gitignore").write_text("logs/\n*.zip\nout/\n")
    shell(COMMIT)
    shell("git remote add origin https://secret@git.example.org/alice-lab/project.git")
    with (project / "src" / "train.py").open("a") as file:
        file.write("# not committed\n")
    shell(f"python src/train.py lr=1,2 token=hunter2 place={project}/here", code=1)
    original.keep()
    return original


@pytest.fixture
def project(made):
    return made.put_back()


@pytest.fixture
def shell(project):
    return shell_in(project)


@pytest.fixture
def bundled(project, shell):
    """Bundle the runs, and unpack the file; return the directory."""

    def run(options: str = "", runs: str = "1 2") -> Path:
        shell(f"typedxp bundle {runs} out.zip --overwrite {options}")
        shutil.rmtree(project / "out", ignore_errors=True)
        shell("unzip -q out.zip -d out" if shutil.which("unzip") else "python -m zipfile -e out.zip out")
        return project / "out"

    return run


def graph(out: Path) -> dict[str, dict]:
    return {entity["@id"]: entity for entity in json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]}


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        return (
            {value["@id"]} if set(value) == {"@id"} else {name for item in value.values() for name in references(item)}
        )
    return {name for item in value for name in references(item)} if isinstance(value, list) else set()


def listed(value: object) -> list[str]:
    return [item["@id"] for item in (value if isinstance(value, list) else [value])]


def test_it_is_a_process_run_crate(bundled):
    out = bundled()
    entities = graph(out)
    root = entities["./"]

    assert entities["ro-crate-metadata.json"]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["conformsTo"] == {"@id": "https://w3id.org/ro/wfrun/process/0.5"}
    assert entities["https://w3id.org/ro/wfrun/process/0.5"]["@type"] == "CreativeWork"
    assert listed(root["mentions"]) == ["#run-1", "#run-2"]
    assert root["datePublished"] == json.loads((out / "runs" / "2" / "status.json").read_text())["end"]
    assert {"name", "description", "license", "author"} <= set(root)
    completed, failed = entities["#run-1"], entities["#run-2"]
    assert (completed["@type"], completed["actionStatus"]) == (
        "CreateAction",
        "http://schema.org/CompletedActionStatus",
    )
    assert "error" not in completed
    assert failed["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert failed["error"].startswith("ValueError: too large")
    assert completed["startTime"] <= completed["endTime"]
    assert entities[completed["agent"]["@id"]] == {
        "@id": f"#person-{getpass.getuser()}",
        "@type": "Person",
        "name": getpass.getuser(),
    }
    tool = entities[completed["instrument"]["@id"]]
    assert tool["@type"] == "SoftwareApplication"
    assert [entities[part]["@type"] for part in listed(tool["hasPart"])] == ["Dataset", ["File", "SoftwareSourceCode"]]
    assert set(listed(completed["result"])) == {"runs/1/metrics/train.jsonl", "runs/1/artifacts/weights/last.npy"}
    config, data = listed(completed["object"])
    assert config == "runs/1/config.yaml"
    assert entities[data]["name"].endswith("data.csv")
    assert entities[data]["identifier"].startswith("sha256:")


def test_every_reference_leads_somewhere_and_every_file_is_there(bundled):
    out = bundled()
    entities = graph(out)

    used = {name for entity in entities.values() for name in references(list(entity.values()))}
    assert {name for name in used if not name.startswith("https://")} <= set(entities)
    kinds = {name: entity["@type"] for name, entity in entities.items()}
    files = {name for name, kind in kinds.items() if "File" in kind or kind == "Dataset"}
    assert all((out / name).exists() for name in files)
    assert files - {"./"} <= set(listed(entities["./"]["hasPart"]))
    for name in files:
        if "sha256" in entities[name]:
            told = subprocess.run(["sha256sum", out / name], capture_output=True, text=True, check=True).stdout
            assert told.startswith(entities[name]["sha256"])


def test_the_runs_in_it_are_a_store(bundled, shell):
    bundled()

    assert "lr=1" in shell("typedxp ls --logs out/runs")
    assert shell("typedxp show 2 --logs out/runs --json") == shell("typedxp show 2 --json")
    code = 'import typedxp; print(typedxp.open_results("out/runs")["train.loss"].sel(lr=1).values)'
    assert shell(f"python -c '{code}'").startswith("[1.")


def test_the_code_in_it_is_what_ran_and_the_readme_tells_how_to_run_it_again(bundled, project, shell):
    out = bundled()
    [place] = (out / "code").iterdir()

    assert (place / "src" / "train.py").read_text() == SCRIPT + "# not committed\n"
    readme = (out / "README.md").read_text()
    assert f"cd code/{place.name} && python src/train.py lr=1,2" in readme
    assert "| 2 | train | failed | lr=2 |" in readme.replace("2.0", "2")
    shell(
        f"cd out/code/{place.name} && python src/train.py lr=1 && typedxp diff 1 1 2>/dev/null; test -e logs/1/run.json"
    )


def test_the_same_runs_make_the_same_bytes(project, shell):
    shell("typedxp bundle 1 2 one.zip && sleep 1.1 && touch logs/*/* && typedxp bundle 2 1 two.zip")

    assert (project / "one.zip").read_bytes() == (project / "two.zip").read_bytes()


def test_no_secret_is_in_it(bundled, project):
    out = bundled()

    for path in out.rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path
    assert b"secret@" not in (out / "ro-crate-metadata.json").read_bytes()


def test_anonymous_hides_who_where_and_from_which_repository(bundled, project):
    out = bundled("--anonymous")

    told = {path: path.read_text() for path in out.rglob("*") if path.is_file() and path.suffix != ".npy"}
    for path, text in told.items():
        for word in (str(project), "alice-lab", str(Path.home()) + "/", f'"{socket.gethostname()}"'):
            assert word not in text, (path, word)
    record = json.loads((out / "runs" / "1" / "run.json").read_text())
    assert (record["environment"]["user"], record["environment"]["host"]) == ("anonymous", "anonymous")
    assert (record["code"]["remote"], record["code"]["commit"], record["code"]["branch"]) == (None, None, None)
    assert record["cwd"] == "/project"
    assert "place: /project/here" in (out / "runs" / "1" / "config.yaml").read_text()
    assert json.loads((out / "runs" / "2" / "status.json").read_text())["cause"] == "ValueError: too large, at /project"
    assert '"anonymous"' in (out / "ro-crate-metadata.json").read_text()


def test_anonymous_names_the_files_that_still_tell_somebody(project, shell):
    (project / "AUTHORS").write_text("Written in the alice-lab.\n")
    (project / "LICENSE").write_text("Copyright Alice Smith\n")
    shell("git add LICENSE && git -c user.name='Alice Smith' -c user.email=alice@b commit --quiet -m x")
    shell("python src/train.py lr=3")

    said = shell("typedxp bundle 3 out.zip --anonymous")

    assert "Not anonymous yet" in said
    assert "/AUTHORS (alice-lab)" in said
    assert "/LICENSE (Alice Smith)" in said


def test_anonymous_hides_commits_wherever_they_are_named(project, shell, bundled):
    commit = shell("git rev-parse HEAD").strip()
    status = project / "logs" / "1" / "verification.json"
    status.write_text(json.dumps({"format": 1, "code": commit}))

    out = bundled("--anonymous", runs="1")

    assert json.loads((out / "runs" / "1" / "verification.json").read_text()) == {"format": 1, "code": "anonymous"}


def test_parts_can_be_left_out(bundled):
    out = bundled("--no-artifacts --no-code --license CC-BY-4.0", runs="1")

    assert not (out / "code").exists()
    assert not (out / "runs" / "1" / "artifacts").exists()
    assert "The artifacts, which were left out on request." in (out / "README.md").read_text()
    assert graph(out)["./"]["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}


def test_a_file_that_is_there_is_left_alone_and_nothing_half_made_stays(project, shell):
    (project / "out.zip").write_text("mine")
    before = sorted(project.iterdir())

    assert "Choose another name, or pass --overwrite." in shell("typedxp bundle 1 out.zip", code=2)
    assert "There is no run 9 in logs." in shell("typedxp bundle 9 out.zip --overwrite", code=2)
    assert "name a file that ends in .zip" in shell("typedxp bundle 1 out.tar", code=2)
    assert (project / "out.zip").read_text() == "mine"
    assert sorted(project.iterdir()) == before


def test_code_that_is_gone_is_said_and_can_be_shown_where_it_is(project, shell):
    shell("mkdir moved && mv .git src data.csv moved && rm -rf logs/.typedxp")

    said = shell("typedxp bundle 1 out.zip", code=2)
    assert "--repository PATH" in said
    shell("typedxp bundle 1 out.zip --repository moved")
    assert any(name.endswith("train.py") for name in zipfile.ZipFile(project / "out.zip").namelist())


def test_runs_that_go_on_are_refused(project, shell):
    status = project / "logs" / "1" / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"status": "running"}))

    assert "1 (running)" in shell("typedxp bundle 1 2 out.zip", code=2)


def test_a_library_that_is_missing_is_named_with_its_remedy(project, shell):
    code = "import sys; sys.modules['rocrate'] = None; from typedxp.cli.main import main; sys.exit(main(sys.argv[1:]))"

    assert "pip install 'typedxp[bundle]'" in shell(f'{sys.executable} -c "{code}" bundle 1 out.zip', code=2)


def test_a_run_without_its_config_is_refused(project, shell):
    (project / "logs" / "2" / "config.yaml").unlink()

    told = shell("typedxp bundle 1 2 out.zip", code=2)

    assert "logs/2/config.yaml cannot be read: No such file or directory." in told
    assert not (project / "out.zip").exists()
