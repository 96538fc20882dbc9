"""The published JSON Schemas are those of the models, and the files of real runs and of profiles follow them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError

from tests.schedulers.cases import every_case
from typedxp.schedulers.registry import OURS, get_scheduler
from typedxp.schedulers.schemas import profile_schema
from typedxp.schedulers.units import read_memory, read_walltime
from typedxp.store.yaml import load
from typedxp.vocabulary.documents import json_schemas

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "schemas"
PROFILES = sorted((ROOT / "examples").rglob("xp/profile/*.yaml"))


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((PUBLISHED / f"{name}.schema.json").read_text())
    return Draft202012Validator(schema, format_checker=FormatChecker())


def test_the_published_schemas_are_those_of_the_models():
    published = {file.name.partition(".")[0]: json.loads(file.read_text()) for file in PUBLISHED.glob("*.schema.json")}

    assert published == json_schemas(), "Write them anew: typedxp schemas schemas/"


def test_the_published_schemas_of_profiles_are_those_of_the_models():
    published = {
        file.name.partition(".")[0]: json.loads(file.read_text()) for file in PUBLISHED.glob("profiles/*.schema.json")
    }

    ours = {name: profile_schema(get_scheduler(name).profile) for name in OURS}
    assert published == ours, "Write them anew: typedxp schemas schemas/"


@pytest.mark.parametrize("name", ["run", "status", "job", "verification", "document", "settings"])
def test_a_schema_is_valid_and_says_what_it_is_for(name):
    schema = json_schemas()[name]

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    assert schema["description"]
    assert all(definition["description"] or "enum" in definition for definition in schema["$defs"].values())


SCRIPT = """
import math
from pathlib import Path
from typing import Literal
from pydantic import BaseModel, Field, SecretStr
import typedxp

class SGD(BaseModel):
    kind: Literal["sgd"] = "sgd"
    lr: float = Field(0.1, description="step size")

class Adam(BaseModel):
    kind: Literal["adam"] = "adam"
    betas: tuple[float, float] = (0.9, 0.999)

class Config(BaseModel):
    seed: int = 0
    token: SecretStr = SecretStr("hidden")
    path: Path = Path("x")
    limit: float = math.inf
    optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")

@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    run.log(loss=math.nan, name="a", step=1, good=True, none=None)
    if config.seed == 3:
        raise ValueError("three")

if __name__ == "__main__":
    train.main()
"""


def test_the_files_of_real_runs_follow_the_schemas(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "conf").mkdir()
    shell("git init -q . && git add train.py && git -c user.name=a -c user.email=a@b commit -qm x")
    shell("python train.py seed=1,2,3 limit=1,inf optimizer=adam", code=1)
    shell("python train.py seed=2,3 'path=\"é ü\\n\"' -j 2 xp.on_error=stop", code=1)

    runs = sorted((tmp_path / "logs").glob("[0-9]*"), key=lambda path: int(path.name))
    assert len(runs) == 8
    for directory in runs:
        for name in ("run", "status"):
            document = json.loads((directory / f"{name}.json").read_text())
            validator(name).validate(document)
            assert next(iter(document)) == "format"
        assert set(yaml.safe_load((directory / "config.yaml").read_text())) == {
            "seed", "token", "path", "limit", "optimizer",
        }  # fmt: skip
    shared = [json.loads(file.read_text()) for file in (tmp_path / "logs" / "documents").iterdir()]
    assert len(shared) == 2
    for document in shared:
        validator("document" if "fields" in document else "environment").validate(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nxp: {jobs: 4, logs: runs, zip: [[a, b]], on_error: stop}", None),
        ("xp: {jobs: 0}", "0"),
        ("xp: {job: 4}", "'job' was unexpected"),
        ("xp: {on_error: explode}", "'explode' is not one of ['continue', 'stop']"),
    ],
)
def test_editors_see_what_is_wrong_with_settings(text, message):
    errors = [error.message for error in validator("settings").iter_errors(yaml.safe_load(text))]

    assert bool(errors) == (message is not None)
    assert message is None or message in errors[0]


@pytest.mark.parametrize("name", OURS)
def test_the_schema_of_a_profile_describes_every_field(name):
    schema = json.loads((PUBLISHED / f"profiles/{name}.schema.json").read_text())

    Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) == {*get_scheduler(name).profile.model_fields, "defaults"}
    assert [field for field, said in schema["properties"].items() if not said.get("description")] == []


@pytest.mark.parametrize(
    ("scheduler", "fields"),
    [pytest.param(scheduler, case.fields, id=f"{scheduler}-{name}") for scheduler, name, case in every_case()],
)
def test_editors_take_every_profile_that_the_models_take(scheduler, fields):
    try:
        get_scheduler(scheduler).profile.model_validate(fields)
    except ValidationError:
        return
    validator(f"profiles/{scheduler}").validate({"scheduler": scheduler, **fields})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scheduler: slurm\ntime: 1-12:00:00\nmem: 1.5GiB\naccount: 4711\nenv: {OMP_NUM_THREADS: 8}", None),
        ("cpus: ${oc.env:CPUS}\ntime: ${oc.env:TIME}\nrequeue: ${oc.env:REQUEUE}\nsetup: module load cuda", None),
        ("defaults: [base, _self_]\ntime: null\nnice: -5", None),
        ("scheduler: sge", "'slurm' was expected"),
        ("partion: gpu", "'partion' was unexpected"),
        ("time: 90", "90 is not valid under any of the given schemas"),
        ("time: 2 hours", "'2 hours' is not valid"),
        ("mem: 16", "16 is not valid under any of the given schemas"),
        ("cpus: 0", "0 is not valid under any of the given schemas"),
        ("mail_on: [start]", "['start'] is not valid"),
        ("hint: fast", "'fast' is not valid"),
    ],
)
def test_editors_see_what_is_wrong_with_a_profile(text, message):
    errors = [error.message for error in validator("profiles/slurm").iter_errors(load(text))]

    assert bool(errors) == (message is not None)
    assert message is None or message in errors[0]


@pytest.mark.parametrize(
    "text",
    ["2h", "90m", "1d12h", "1.5H", "45 min", "2w 1s", "02:00:00", "1-00:00:00", "1-00:00", "02:00", "2", "h", "2x"],
)
def test_editors_and_models_agree_on_times(text):
    assert _taken("time", text) == _read(read_walltime, text)


@pytest.mark.parametrize("text", ["16G", "512MB", "1.5gib", "4 T", "16", "16X", "G", "1e3M"])
def test_editors_and_models_agree_on_memory(text):
    assert _taken("mem", text) == _read(read_memory, text)


def _taken(field, text):
    return validator("profiles/slurm").is_valid({field: text})


def _read(reader, text):
    try:
        reader(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("file", PROFILES, ids=lambda file: file.stem)
def test_the_profiles_of_the_examples_follow_the_schema_that_they_name(file):
    named = file.read_text().partition("\n")[0].removeprefix("# yaml-language-server: $schema=")
    schema = (file.parent / named).resolve()
    profile = load(file.read_text())

    assert schema == PUBLISHED / f"profiles/{profile['scheduler']}.schema.json"
    Draft202012Validator(json.loads(schema.read_text())).validate(profile)
    get_scheduler(profile["scheduler"]).profile.model_validate(profile).check()


def test_there_is_an_example_of_a_profile_for_every_scheduler():
    assert sorted(load(file.read_text())["scheduler"] for file in PROFILES) == sorted(OURS)


SUBMITTING = """
from train import train
from typedxp.errors import TypedxpError
from typedxp.schedulers import Slurm
from typedxp.testing.slurm import FakeSlurm
from typedxp.testing.standin import Answer

if __name__ == "__main__":
    with FakeSlurm() as slurm:
        train.sweep({"seed": [1, 3]}, token="t", profile=Slurm(time="2h", secrets={"token": "TOKEN"}), shell=slurm)
        slurm.drain()
        slurm.breaks("sbatch", Answer(err="Socket timed out", code=1))
        train.sweep({"seed": [2]}, token="t", profile=Slurm(secrets={"token": "TOKEN"}), shell=slurm)
"""


def test_the_files_of_jobs_and_of_what_they_execute_follow_the_schemas(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "submitting.py").write_text(SUBMITTING)
    (tmp_path / "conf").mkdir()
    assert "Socket timed out" in shell("git init -q . && TOKEN=t python submitting.py", code=1)

    jobs = [json.loads((tmp_path / f"logs/jobs/{number}/job.json").read_text()) for number in (1, 2)]
    runs = [json.loads((tmp_path / f"logs/{number}/status.json").read_text()) for number in (1, 2, 3)]
    for name, documents in (("job", jobs), ("status", runs)):
        for document in documents:
            validator(name).validate(document)
    assert [job["job"] for job in jobs] == ["1", None]
    assert [run["status"] for run in runs] == ["completed", "failed", "failed"]
