"""The published JSON Schemas are those of the models, and the files of real runs follow them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from typedxp.vocabulary.documents import json_schemas

PUBLISHED = Path(__file__).parents[1] / "schemas"


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((PUBLISHED / f"{name}.schema.json").read_text())
    return Draft202012Validator(schema, format_checker=FormatChecker())


def test_the_published_schemas_are_those_of_the_models():
    published = {file.name.partition(".")[0]: json.loads(file.read_text()) for file in PUBLISHED.glob("*.schema.json")}

    assert published == json_schemas(), "Write them anew: typedxp schemas schemas/"


@pytest.mark.parametrize("name", ["run", "status", "verification", "document", "settings"])
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
