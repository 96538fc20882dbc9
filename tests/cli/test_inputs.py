"""Data that runs read: what was logged is shown, compared, asked for and bundled as what the config names."""

from __future__ import annotations

import json
import zipfile

import pytest

from typedxp import fields, open_results

SCRIPT = """
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, data: typedxp.InputPath = "data.csv", words: str = "a.txt") -> None:
    run.log_input(words, name="words")
    run.log(loss=0.1)

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def project(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    for name in ("data.csv", "a.txt", "b.txt"):
        (tmp_path / name).write_text(f"{name}\n")
    shell("python train.py words=a.txt,b.txt")
    return tmp_path


def test_logged_data_is_shown(project, shell):
    told = shell("typedxp show 1").splitlines()
    assert any(line.split()[:4] == ["words", f"{project}/a.txt,", "6", "bytes,"] for line in told)
    assert set(json.loads(shell("typedxp show 1 --json"))["inputs"]) == {"data", "words"}


def test_logged_data_is_compared(project, shell):
    told = shell("typedxp diff 1 2")
    [row] = [line for line in told.splitlines() if line.startswith("  words  ") and "sha256:" in line]
    assert row.count("(6 bytes)") == 2
    assert set(json.loads(shell("typedxp diff 1 2 --json"))["data"]) == {"words"}


def test_logged_data_can_be_asked_for(project, shell):
    digest = json.loads((project / "logs" / "2" / "inputs.jsonl").read_text())["digest"]

    assert fields(project / "logs").loc["input.words", "values"] == 2
    assert open_results(project / "logs", where=f"input.words == '{digest}'")["run"].values.tolist() == [2]


def test_logged_data_is_told_of_in_a_bundle(project, shell):
    pytest.importorskip("rocrate")
    shell("typedxp bundle 1 2 out.zip")
    shell("typedxp bundle 1 2 hidden.zip --anonymous")

    with zipfile.ZipFile(project / "out.zip") as made, zipfile.ZipFile(project / "hidden.zip") as hidden:
        assert json.loads(made.read("runs/1/inputs.jsonl"))["path"] == f"{project}/a.txt"
        assert json.loads(hidden.read("runs/1/inputs.jsonl"))["path"] == "/project/a.txt"
        described = json.loads(made.read("ro-crate-metadata.json"))["@graph"]
        assert {f"{project}/a.txt", f"{project}/b.txt"} <= {entity.get("name") for entity in described}
        assert "a.txt" in made.read("README.md").decode()
