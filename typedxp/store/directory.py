"""Owns the files of one run.

17/
  run.json            what was planned                              written once
  config.yaml         exactly what the function receives            written once
  status.json         where it stands                               replaced whole
  verification.json   how it compares with its repetition           replaced whole
  inputs.jsonl        what data was read, besides that in run.json  appended
  metrics/train.jsonl one JSON object per line                      appended
  metrics/superseded/ what attempts logged that did not go on from there
  artifacts/  checkpoints/  stdout.log  stderr.log  job.sh
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson

from typedxp.errors import RecordError, StoreError
from typedxp.store import yaml
from typedxp.store.files import overwrite, reason, replace, synced_size, write_all
from typedxp.store.restoring import restore_record, restore_status
from typedxp.store.streams import spell
from typedxp.store.writer import cut
from typedxp.vocabulary.inputs import InputRecord, restore_inputs
from typedxp.vocabulary.records import FORMAT, RunRecord, RunStatus, Status

RestoredT = TypeVar("RestoredT")

_SAFE_STREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The files of one run."""

    path: Path

    @property
    def id(self) -> int:
        """The number of the run, which is the name of its directory."""
        return int(self.path.name)

    @property
    def metrics(self) -> Path:
        """The directory of the streams."""
        return self.path / "metrics"

    @property
    def stdout(self) -> Path:
        """The file that holds what the run printed."""
        return self.path / "stdout.log"

    @property
    def stderr(self) -> Path:
        """The file that holds what the run printed as errors, tracebacks included."""
        return self.path / "stderr.log"

    @property
    def status_file(self) -> Path:
        """The file that says where the run stands; its modification time is the last sign of life."""
        return self.path / "status.json"

    def stream(self, name: str) -> Path:
        """Return the file of the stream called ``name``.

        Raises:
            RecordError: the name cannot be the name of a file on every system.
        """
        if not isinstance(name, str) or not _SAFE_STREAM.fullmatch(name):
            raise RecordError(
                f"A stream cannot be called {name!r}: use 1 to 100 letters, digits, '-' and '_', "
                "beginning with a letter or a digit."
            )
        return self.metrics / f"{name}.jsonl"

    def streams(self) -> tuple[str, ...]:
        """Name the streams that have a file, in alphabetical order."""
        try:
            files = os.listdir(f"{self.path}/metrics")
        except (FileNotFoundError, NotADirectoryError):
            return ()
        names = (file.removesuffix(".jsonl") for file in files if file.endswith(".jsonl"))
        return tuple(sorted(name for name in names if _SAFE_STREAM.fullmatch(name)))

    def rewind(self, sizes: Mapping[str, int], attempt: int) -> None:
        """Set aside what each stream holds beyond so many bytes: it was logged by an attempt that will not go on.

        Raises:
            RecordError: a stream cannot be changed.
        """
        for name in self.streams():
            cut(self.stream(name), sizes.get(name, 0), self.metrics / "superseded" / str(attempt))

    def write_plan(self, record: RunRecord, config: Mapping[str, Any], first: RunStatus = RunStatus.PLANNED) -> None:
        """Write run.json, config.yaml and the first status.json; run.json comes last, since it makes this a run."""
        replace(self.path / "config.yaml", yaml.dump(config).encode("utf-8", "surrogatepass"))
        self.write_status(Status(first))
        self.write_record(record)

    def write_record(self, record: RunRecord) -> None:
        """Write run.json, which makes this a run."""
        replace(self.path / "run.json", dump(dataclasses.replace(record, point=spell(record.point))))

    def append_input(self, name: str, record: InputRecord) -> None:
        """Write down, by a single write, what data was read.

        Raises:
            OSError: it cannot be written.
        """
        line = dump({"name": name, **asdict(record)}, indent=False)
        file = os.open(self.path / "inputs.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            write_all(file, line)
        finally:
            os.close(file)

    def read_inputs(self) -> dict[str, InputRecord]:
        """Return the data that was read, by name: that of the config, and what was logged.

        Raises:
            StoreError: run.json cannot be read.
        """
        return {**self.read_record().inputs, **self.logged_inputs()}

    def logged_inputs(self) -> dict[str, InputRecord]:
        """Return the data that was logged, by name; a torn line is passed over."""
        found: dict[str, InputRecord] = {}
        with suppress(OSError):
            for line in (self.path / "inputs.jsonl").read_bytes().splitlines():
                with suppress(ValueError, KeyError, TypeError, AttributeError):
                    raw = _parse(line)
                    found |= restore_inputs({raw["name"]: raw})
        return found

    def write_status(self, status: Status) -> None:
        """Replace status.json."""
        replace(self.status_file, dump(status), durable=status.status.final)

    def write_last_status(self, status: Status) -> None:
        """Write status.json in place, without what is long: for a full disk, which has room for no second file.

        Raises:
            OSError: not even that is possible.
        """
        overwrite(self.status_file, dump(dataclasses.replace(status, failure=None, streams={}, arrays={})))

    def sync_streams(self) -> dict[str, int]:
        """Force the streams to the disk; return the size of each, in bytes.

        Raises:
            OSError: one cannot be read.
        """
        return {name: synced_size(self.stream(name)) for name in self.streams()}

    def read_record(self) -> RunRecord:
        """Read run.json.

        Raises:
            StoreError: it is missing, damaged, or of a later format than this version knows.
        """
        return self._restored("run.json", restore_record)

    def read_status(self) -> Status:
        """Read status.json.

        Raises:
            StoreError: it is missing, damaged, or of a later format than this version knows.
        """
        return self._restored("status.json", restore_status)

    def read_config(self) -> dict[str, Any]:
        """Read config.yaml as plain values.

        Raises:
            StoreError: it is missing or damaged.
        """
        try:
            values = yaml.load(self.read_config_file().decode("utf-8", "surrogatepass"))
        except ValueError as error:
            raise StoreError(f"{self.path / 'config.yaml'} cannot be read: {error}") from error
        if not isinstance(values, dict):
            raise StoreError(f"{self.path / 'config.yaml'} is damaged: it holds no mapping.")
        return values

    def read_config_file(self) -> bytes:
        """Read config.yaml, byte for byte.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            return (self.path / "config.yaml").read_bytes()
        except OSError as error:
            raise StoreError(f"{self.path / 'config.yaml'} cannot be read: {reason(error)}.") from error

    def _restored(self, name: str, restore: Callable[[Mapping[str, Any]], RestoredT]) -> RestoredT:
        path = self.path / name
        try:
            return restore(load(path))
        except FileNotFoundError as error:
            raise StoreError(f"{self.path} is not a run: it has no {name}.") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"{path} is damaged: {error!r}.") from error


def load(path: Path) -> dict[str, Any]:
    """Read JSON that carries the version of its format.

    Raises:
        FileNotFoundError: there is no such file.
        StoreError: it is damaged, or of a later format than this version knows.
    """
    try:
        raw = _parse(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {reason(error)}.") from error
    except ValueError as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("format"), int):
        raise StoreError(f"{path} is damaged: it has no format.")
    if raw["format"] > FORMAT:
        raise StoreError(
            f"{path} has format {raw['format']}, and this typedxp reads up to {FORMAT}: a later version wrote it."
        )
    return raw


def dump(document: Any, *, indent: bool = True) -> bytes:
    """Write plain values, or a record, as JSON."""
    option = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        return orjson.dumps(document, option=option, default=str)
    except TypeError:
        # Lone surrogates stand for bytes that are no text on the command line; integers of over 64 bits may be swept.
        return json.dumps(document, indent=2 if indent else None, default=_plain).encode() + b"\n"


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def _parse(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)
