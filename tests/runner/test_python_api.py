"""Experiments launched from Python and notebooks: the same validation and the same files, errors as exceptions."""

from __future__ import annotations

import asyncio
import inspect
import json
import signal
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from pydantic import BaseModel, Field, SecretStr

import typedxp


class SGD(BaseModel):
    kind: Literal["sgd"] = "sgd"
    lr: float = Field(0.1, gt=0)


class Adam(BaseModel):
    kind: Literal["adam"] = "adam"
    lr: float = Field(1e-3, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)


class Config(BaseModel):
    seed: int = 0
    epochs: int = Field(2, ge=1)
    name: str = "x"
    token: SecretStr = SecretStr("")
    optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")


@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> str:
    """Train nothing."""
    for epoch in range(config.epochs):
        run.log_metrics({"epoch": epoch, "loss": config.optimizer.lr / (epoch + 1) + config.seed})
    if config.name == "fail":
        raise ValueError("as asked")
    return config.name


@typedxp.experiment
def small(run: typedxp.Run, lr: float = 0.1, seed: int = 0) -> float:
    """Have a signature for a schema."""
    run.log(loss=lr * seed)
    return lr


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def config_of(handle):
    return (handle.directory / "config.yaml").read_text()


def test_a_run_from_values(tmp_path):
    handle = small.run(lr=0.5, seed=3)

    assert (handle.id, handle.status, handle.directory) == (1, "completed", tmp_path / "logs" / "1")
    assert config_of(handle) == "lr: 0.5\nseed: 3\n"
    assert float(handle.results()["train.loss"].squeeze()) == 1.5
    assert small.run().id == 2


def test_a_run_from_dotted_keys_and_group_options():
    handle = train.run(**{"optimizer": "adam", "optimizer.lr": 0.25, "name": "a, b=c"})

    assert "kind: adam\n  lr: 0.25\n  betas:\n  - 0.9" in config_of(handle)
    assert "name: a, b=c\n" in config_of(handle)


def test_a_run_from_an_instance_of_the_schema():
    handle = train.run(Config(optimizer=Adam(lr=0.5), token=SecretStr("hidden"), epochs=1))

    assert handle.status == "completed"
    assert "kind: adam\n  lr: 0.5" in config_of(handle)
    assert not any(b"hidden" in path.read_bytes() for path in handle.directory.rglob("*") if path.is_file())


def test_a_sweep_has_the_axes_of_its_lists_in_their_order(tmp_path):
    sweep = train.sweep({"optimizer.lr": [0.1, 0.01], "seed": range(3)}, optimizer="adam", epochs=1)

    assert [run.id for run in sweep] == [1, 2, 3, 4, 5, 6]
    assert len(sweep[2:4]) == 2
    points = [json.loads((run.directory / "run.json").read_text())["point"] for run in sweep]
    assert points[:4] == [{"optimizer.lr": lr, "seed": seed} for lr, seed in [(0.1, 0), (0.1, 1), (0.1, 2), (0.01, 0)]]
    mean = sweep.results()["train.loss"].mean("seed").squeeze()
    np.testing.assert_allclose(mean.sel(lr=[0.1, 0.01]), [1.1, 1.01])


def test_the_results_of_a_handle_are_those_of_its_runs_only():
    first = small.sweep({"seed": [1, 2]})
    second = small.sweep({"seed": [7, 8]})

    assert list(first.results()["seed"].values) == [1, 2]
    assert list(second.results()["seed"].values) == [7, 8]
    assert float(second[1].results()["train.loss"].squeeze()) == pytest.approx(0.8)


def test_settings_are_given_as_xp(tmp_path):
    sweep = small.sweep(
        {"lr": [1, 2, 3], "seed": [1, 2, 3]},
        xp={"logs": tmp_path / "else where", "zip": [["lr", "seed"]], "where": "lr < 3"},
    )

    assert [run.directory for run in sweep] == [tmp_path / "else where" / "1", tmp_path / "else where" / "2"]
    assert not (tmp_path / "logs").exists()


def test_a_failure_is_a_status_and_not_an_exception(capsys):
    handle = train.run(name="fail")

    assert handle.status == "failed"
    assert "ValueError: as asked" in capsys.readouterr().err
    assert train.sweep({"name": ["fail", "go"]})[1].status == "completed"


@pytest.mark.parametrize(
    ("launch", "error", "message"),
    [
        (lambda: train.run(epochs=0), typedxp.ConfigError, "greater than or equal to 1"),
        (lambda: train.run(epoch=1), typedxp.ConfigError, "epochs"),
        (lambda: train.sweep({"epochs": [1, 0, -1], "seed": ["x"]}), typedxp.ConfigError, "2 problems|3 problems"),
        (lambda: train.sweep({"seed": []}), typedxp.PlanError, "seed is swept over no values"),
        (lambda: train.run(SGD()), typedxp.ConfigError, "Config"),
        (lambda: train.run(Config(), seed=1), typedxp.ConfigError, "Give a config or values"),
        (lambda: train.run(xp={"jobs": 0}), typedxp.ConfigError, "greater than 0"),
        (lambda: train.run(xp={"job": 1}), typedxp.ConfigError, "jobs"),
        (lambda: train.run(Config(), xp={"job": 1}), typedxp.ConfigError, r"xp\.job = 1"),
        (lambda: train.sweep({"seed": range(2000)}), typedxp.PlanError, "2000 runs, more than xp.max_runs=1000"),
        (lambda: train.run(xp={"logs": "/proc/logs"}), typedxp.StoreError, "/proc/logs"),
    ],
)
def test_what_is_refused_is_an_exception_and_nothing_is_written(tmp_path, launch, error, message):
    with pytest.raises(error, match=message):
        launch()

    assert list(tmp_path.iterdir()) == []


def test_a_plain_call_is_a_plain_call(tmp_path):
    run = typedxp.Run(tmp_path, Config(), id=1)

    assert train(Config(name="back"), run) == "back"
    assert small(run, lr=0.5) == 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["metrics"]


def test_launching_works_inside_a_running_event_loop():
    async def cell():
        await asyncio.sleep(0)
        return small.run(lr=0.5), small.sweep({"seed": [1, 2]}, xp={"jobs": 2})

    run, sweep = asyncio.run(cell())

    assert [handle.status for handle in (run, *sweep)] == ["completed"] * 3


def test_launching_works_in_a_thread():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(small.run, lr=0.5).result().status == "completed"
        assert [run.status for run in pool.submit(small.sweep, {"seed": [1, 2]}, xp={"jobs": 1}).result()] == [
            "completed"
        ] * 2


def test_several_threads_may_launch_at_once():
    with ThreadPoolExecutor(4) as pool:
        handles = list(pool.map(lambda seed: small.run(seed=seed), range(12)))

    assert sorted(handle.id for handle in handles) == list(range(1, 13))
    assert {handle.status for handle in handles} == {"completed"}
    assert [config_of(handle) for handle in handles] == [f"lr: 0.1\nseed: {seed}\n" for seed in range(12)]


def test_a_run_may_launch_runs_of_its_own():
    @typedxp.experiment
    def outer(run: typedxp.Run) -> None:
        small.run(lr=0.5, xp={"logs": run.directory / "inner"})
        run.log(done=1)

    handle = outer.run()

    assert handle.status == "completed"
    assert (handle.directory / "inner" / "1" / "metrics" / "train.jsonl").exists()


def test_an_interrupt_of_a_sweep_in_python_is_an_interrupt():
    @typedxp.experiment
    def stuck(run: typedxp.Run, seed: int = 0) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        stuck.sweep({"seed": [1, 2]})
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    statuses = [json.loads(Path(f"logs/{number}/status.json").read_text())["status"] for number in (1, 2)]
    assert statuses == ["cancelled", "cancelled"]


def test_what_was_typed_at_a_prompt_runs_here(tmp_path):
    typed = (
        "import typedxp\n@typedxp.experiment\ndef f(run, lr: float = 0.1): run.log(a=lr)\nprint(f.run(lr=2).status)\n"
    )
    said = subprocess.run([sys.executable], input=typed, capture_output=True, text=True, cwd=tmp_path, check=True)

    assert said.stdout == "completed\n"


GIVEN = """
from typing import Literal
from pydantic import BaseModel, Field
import typedxp

class SGD(BaseModel):
    kind: Literal["sgd"] = "sgd"
    lr: float = 0.1

class Adam(BaseModel):
    kind: Literal["adam"] = "adam"
    extra: dict[str, int] = {"a": 1}

class Model(BaseModel):
    optimizer: SGD | Adam = Field(SGD(), discriminator="kind")
    width: int = 1

class Config(BaseModel):
    seed: int = 0
    model: Model = Model()
    weights: dict[str, int] = {"z": 1}

got = []

@typedxp.experiment
def train(config: Config, run):
    "Train it."
    got.append(config)
    if config.seed == 9:
        raise ValueError("nine")
"""


@pytest.fixture
def given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("given_in_python")
    monkeypatch.setitem(sys.modules, "given_in_python", module)
    (tmp_path / "given.py").write_text(GIVEN)
    exec(compile(GIVEN, str(tmp_path / "given.py"), "exec"), module.__dict__)
    return module


def test_an_instance_is_taken_as_it_is_with_nothing_of_the_default(given):
    given.train.run(model=given.Model(optimizer=given.Adam(extra={}), width=3))

    assert given.got == [given.Config(model=given.Model(optimizer=given.Adam(extra={}), width=3))]


def test_a_mapping_replaces_a_mapping_and_changes_a_model(given):
    given.train.run(weights={"b": 2}, model={"width": 5})

    assert given.got == [given.Config(weights={"b": 2}, model=given.Model(width=5))]


def test_an_iterator_is_an_axis(given):
    assert len(given.train.sweep({"seed": iter(range(3))})) == 3


def test_a_key_that_is_an_axis_and_a_value_is_refused(given):
    with pytest.raises(typedxp.ConfigError, match="It is given as an axis and as a value"):
        given.train.sweep({"seed": [1, 2]}, seed=3)


def test_instances_are_not_swept(given):
    with pytest.raises(typedxp.PlanError, match=r"Give each a name by typedxp\.register"):
        given.train.sweep({"model.optimizer": [given.SGD(), given.Adam()]})


def test_unfinished_runs_are_gone_on_with_from_python(given, capsys):
    first = given.train.run(seed=9)
    again = given.train.sweep({}, xp={"resume": "unfinished"})

    assert [run.id for run in again] == [first.id]
    assert len(given.got) == 2
    assert "nine" in capsys.readouterr().err


def test_an_experiment_keeps_the_name_the_documentation_and_the_signature_of_its_function(given):
    assert (given.train.__name__, given.train.__doc__) == ("train", "Train it.")
    assert list(inspect.signature(given.train).parameters) == ["config", "run"]
