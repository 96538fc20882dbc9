"""A desk at which commands are typed: a script in a directory of its own, and what became of it."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from typedxp.runner.commands import command_line
from typedxp.runner.experiment import Experiment

_number = itertools.count()

PRELUDE = """
from __future__ import annotations
import dataclasses, datetime, decimal, enum, typing
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar, Union
import pydantic
from pydantic import (AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr, RootModel, SecretBytes, SecretStr,
    computed_field, field_validator, model_validator)
import typedxp

seen = []
"""

TRAIN = """
@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    seen.append(config)
"""


@dataclass(frozen=True)
class Typed:
    """What came of a command."""

    code: int
    out: str
    err: str


class Desk:
    """Writes a script and YAML files, and types commands at them, in this process."""

    def __init__(self, path: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capture = capture
        self._files: set[Path] = set()
        self.module = ModuleType("nothing")

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        self._files.add(path)
        return path

    def script(self, schema: str, train: str = TRAIN) -> None:
        """Write train.py and load it, under a name that no other test uses."""
        path = self.write("train.py", f"{PRELUDE}{textwrap.dedent(schema)}\n\n{textwrap.dedent(train)}")
        name = f"typed_script_{next(_number)}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        self.module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)

    @property
    def experiment(self) -> Experiment:
        return next(value for value in vars(self.module).values() if isinstance(value, Experiment))

    def type(self, *arguments: str) -> Typed:
        """Type ``python train.py ARGUMENTS``."""
        self._capture.readouterr()
        code = command_line(self.experiment, "train.py", arguments)
        return Typed(code, *self._capture.readouterr())

    def written(self) -> set[str]:
        """Name what there is in the directory that was not written by the test."""
        found = {path for path in self.path.rglob("*") if path.is_file() and path not in self._files}
        return {str(path.relative_to(self.path)) for path in found if "__pycache__" not in path.parts}

    def refused(self, *arguments: str) -> str:
        """Type a command that must be refused with nothing written; return the message."""
        before = self.written()
        typed = self.type(*arguments)
        assert typed.code == 2, typed
        assert typed.err.startswith("typedxp: "), typed
        assert "Traceback" not in typed.err
        assert self.written() == before
        return typed.err.removeprefix("typedxp: ").rstrip("\n")

    def configs(self, *arguments: str) -> list[Any]:
        """Type a command that must succeed; return the configs that the function received, in order."""
        self.module.seen.clear()
        typed = self.type(*arguments)
        assert typed.code == 0, typed
        return list(self.module.seen)

    def config(self, *arguments: str) -> Any:
        """Type a command that makes one run; return its config."""
        [config] = self.configs(*arguments)
        return config

    def plain(self, *arguments: str) -> dict[str, Any]:
        """Type a command that makes one run; return what its config.yaml holds."""
        self.config(*arguments)
        last = max((self.path / "logs").glob("[0-9]*"), key=lambda path: int(path.name))
        values: dict[str, Any] = yaml.safe_load((last / "config.yaml").read_text(encoding="utf-8"))
        return values


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A desk in a directory of its own, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)
