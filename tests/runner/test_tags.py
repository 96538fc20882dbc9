"""Runs are given words of the user's own, which are checked, recorded and kept."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

import typedxp
from typedxp import ConfigError
from typedxp.store.store import Store
from typedxp.vocabulary.settings import Settings

SCRIPT = """
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    if seed == 1 and run.attempt == 1:
        raise ValueError("not yet")

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    return Store(tmp_path / "logs")


@typedxp.experiment
def experiment(run: typedxp.Run, seed: int = 0) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("typed", "tags"),
    [
        ("xp.tags=baseline", ["baseline"]),
        ("xp.tags=[baseline,paper]", ["baseline", "paper"]),
        ("'xp.tags=[b,a,b]'", ["b", "a"]),
        ("'xp.tags=figure 2'", ["figure 2"]),
        ("xp.tags=[1.50,v2]", ["1.50", "v2"]),
        ("xp.tags=[]", []),
        ("", []),
    ],
)
def test_tags_are_recorded_with_every_run_of_the_command(shell, logs, typed, tags):
    shell(f"python train.py seed=2,3 {typed}")

    written = [json.loads((run.path / "run.json").read_text())["tags"] for run in logs.runs()]
    assert written == [tags, tags]
    assert [run.read_record().tags for run in logs.runs()] == [tuple(tags)] * 2


@pytest.mark.parametrize("typed", ["''", "' '", "['a,b']", "[a,'b\tc']", "'a,b'"])
def test_what_is_no_tag_is_refused_with_an_example(shell, logs, typed):
    said = shell(f'python train.py "xp.tags={typed}"', code=2)

    assert "A tag is printable text without commas, as in xp.tags=[baseline,paper]" in said
    assert not logs.path.exists()


@pytest.mark.parametrize("wrong", [None, {"a": 1}, [["a"]], [None]])
def test_what_is_no_text_is_refused(wrong):
    with pytest.raises(ValidationError, match="tags"):
        Settings(tags=wrong)


def test_tags_make_no_difference_to_the_digest_and_are_kept_by_a_resumed_run(shell, logs):
    shell("python train.py seed=1 xp.tags=first", code=1)
    shell("python train.py seed=1 xp.tags=second", code=1)
    shell("python train.py xp.resume=1 xp.tags=third")

    first, second = (run.read_record() for run in logs.runs())
    assert (first.tags, second.tags) == (("first",), ("second",))
    assert first.digest == second.digest
    assert logs.run(1).read_status().attempt == 2


def test_tags_are_given_in_python_and_in_yaml(shell, logs, tmp_path):
    (tmp_path / "conf.yaml").write_text("xp: {tags: [from, yaml]}\n")
    shell("python train.py -cd . -cn conf seed=2")
    run = experiment.run(seed=3, xp={"logs": logs.path, "tags": ["from", "Python"]})

    assert logs.run(1).read_record().tags == ("from", "yaml")
    assert logs.run(run.id).read_record().tags == ("from", "Python")
    with pytest.raises(ConfigError, match="A tag is printable text"):
        experiment.run(seed=3, xp={"logs": logs.path, "tags": ["a,b"]})


def test_a_run_that_was_made_before_there_were_tags_has_none(shell, logs):
    shell("python train.py xp.tags=a")
    file = logs.run(1).path / "run.json"
    older = json.loads(file.read_text())
    del older["tags"]
    file.write_text(json.dumps(older))

    assert logs.run(1).read_record().tags == ()
