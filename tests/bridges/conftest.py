"""What the tests of bridges share: a run to log to, and what it recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from typedxp.stages.record import Run
from typedxp.store.streams import parse

# What other libraries warn of is theirs to mend; what a bridge warns of is tested.
FOREIGN = ("ignore", "error::typedxp.bridges.recorder.BridgeWarning")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(*FOREIGN))


class Optimizer(BaseModel):
    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)


class Config(BaseModel):
    seed: int = 0
    optimizer: Optimizer = Optimizer()
    token: SecretStr = SecretStr("hush")


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path, Config(), id=7)
    yield made
    made.close()


@pytest.fixture
def records(run) -> Callable[[str], list[dict[str, Any]]]:
    """Read a stream of the run, without the columns that are reserved."""

    def read(stream: str) -> list[dict[str, Any]]:
        found, damaged = parse((run.directory / "metrics" / f"{stream}.jsonl").read_bytes())
        assert damaged == 0
        return [{name: value for name, value in record.items() if not name.startswith("_")} for record in found]

    return read


@pytest.fixture
def streams(run) -> Callable[[], set[str]]:
    return lambda: {path.stem for path in (run.directory / "metrics").glob("*.jsonl")}
