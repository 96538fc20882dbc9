"""Values that refer to others, to the environment, or to what Hydra tells."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import typedxp
from typedxp.runner.planning import Launch

SCHEMA = """
    class Config(BaseModel):
        year: str = "x"
        name: str = "x"
        where: str = "x"
"""

TRAIN = """
@typedxp.experiment(config_path="conf")
def train(config: Config, run: typedxp.Run) -> None:
    seen.append(config)
"""


def test_references_to_the_time_and_to_hydras_own_config_are_resolved(desk):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "year: ${now:%Y}\nname: ${hydra:job.name}\nwhere: ${hydra:runtime.cwd}\n")

    config = desk.config()

    assert config.year == str(dt.datetime.now().astimezone().year)
    assert (config.name, config.where) == ("train", str(Path.cwd()))
    assert desk.config("year=x", "name=x", "where=${hydra:job.name}").where == "train"


def test_resolvers_of_users_are_theirs_afterwards(desk):
    from omegaconf import OmegaConf

    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "year: ${now:%Y}\n")
    before = {name for name in ("now", "hydra", "python_version") if OmegaConf.has_resolver(name)}

    desk.config()

    assert {name for name in ("now", "hydra", "python_version") if OmegaConf.has_resolver(name)} == before


def test_experiments_are_planned_from_four_threads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plans: list[Launch] = []

    @typedxp.experiment
    def first(a: int = 0) -> None:
        pass

    @typedxp.experiment
    def second(b: int = 0) -> None:
        pass

    failed: list[BaseException] = []

    def launch(number: int) -> None:
        try:
            plans.append((first if number % 2 else second)._plan({}, {"a" if number % 2 else "b": number}, {}))
        except BaseException as error:  # noqa: BLE001 - whatever goes wrong in a thread
            failed.append(error)

    threads = [threading.Thread(target=launch, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    planned = [(launch.declaration.name, launch.plan.runs[0].judged.values) for launch in plans]
    assert sorted(planned, key=repr) == [
        ("first", {"a": 1}),
        ("first", {"a": 3}),
        ("second", {"b": 0}),
        ("second", {"b": 2}),
    ]


def test_an_unfinished_reference_is_refused(desk):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", 'year: "${a"\n')

    assert "${a" in desk.refused()
    desk.write("conf/config.yaml", "year: a\n")
    assert "name = '${'" in (message := desk.refused("name='${'"))
    assert "no complete reference" in message


def test_a_default_of_the_schema_is_no_reference(desk):
    desk.script(
        """
        class Part(BaseModel):
            text: str = "${nothing}"

        class Config(BaseModel):
            tmpl: str = "${HOME}/x"
            odd: str = "\\\\${"
            part: Part = Part()
            other: Part | None = Part(text="${year}")
            copied: str = "no"
        """
    )

    config = desk.config("copied=${tmpl}")

    assert (config.tmpl, config.odd, config.part.text) == ("${HOME}/x", "\\${", "${nothing}")
    assert config.other.text == "${year}"
    assert config.copied == "${HOME}/x"


def test_text_from_python_is_no_reference(desk):
    desk.script(SCHEMA, "@typedxp.experiment\ndef train(config: Config) -> None:\n    seen.append(config)")

    desk.experiment.run(name="${HOME}/x")
    desk.experiment.sweep({"name": ["${", "b"]})

    assert [config.name for config in desk.module.seen] == ["${HOME}/x", "${", "b"]
