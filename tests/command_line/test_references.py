"""Values that refer to others, to the environment, or to what Hydra tells."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import typedxp
from typedxp.runner.given import read_given
from typedxp.runner.planning import Launch, make_composer, plan

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
            declaration, key = (first, "a") if number % 2 else (second, "b")
            composer = make_composer(declaration, None, None)
            with composer.active():
                given = read_given(declaration, {}, {key: number}, {})
                plans.append(plan(declaration, composer, given, lambda *_: None))
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


def test_settings_refer_to_the_environment_to_hydra_and_to_each_other(desk, monkeypatch):
    monkeypatch.setenv("SCRATCH", "scratch")
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "xp:\n  logs: ${oc.env:SCRATCH}/logs\n")

    desk.config("xp.tags=[${hydra:job.name},${xp.on_error}]")

    assert "continue" in Path("scratch/logs/1/run.json").read_text()
    assert {name.split("/")[0] for name in desk.written()} == {"scratch"}


def test_a_setting_that_refers_to_nothing_or_to_a_point_is_refused(desk):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "year: x\n")

    assert desk.refused("year=1,2", "xp.logs=${oc.env:NO_SUCH_VARIABLE}", "xp.monitor=-1") == (
        "2 problems in train:\n"
        "  xp.logs = '${oc.env:NO_SUCH_VARIABLE}'  (command line)\n"
        "    KeyError raised while resolving interpolation: \"Environment variable 'NO_SUCH_VARIABLE' not found\"\n"
        "  xp.monitor = -1  (command line)\n"
        "    Input should be greater than 0"
    )
    assert "Settings are the same for all points" in desk.refused("year=1,2", "xp.logs=${year}")


def test_settings_given_in_python_mean_every_character_as_it_is(desk):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "year: x\n")

    desk.experiment.run(xp={"logs": "${year}"})

    assert Path("${year}/1/run.json").exists()
