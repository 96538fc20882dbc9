"""Owns making the records of a run again of what run.json and status.json hold.

What a later version of the same format has added is passed over. Whatever is missing, or is not what it should be,
raises a KeyError, TypeError, ValueError or AttributeError: the file is damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typedxp.store.streams import unspell
from typedxp.store.whole import count, integers, known, texts
from typedxp.vocabulary.artifacts import restore_kept
from typedxp.vocabulary.inputs import restore_inputs
from typedxp.vocabulary.metrics import Variable
from typedxp.vocabulary.records import (
    Code,
    Column,
    Environment,
    ExperimentRef,
    Failure,
    Label,
    Recording,
    RunRecord,
    RunStatus,
    Status,
    Steps,
    StreamSummary,
    Usage,
)


def restore_record(raw: Mapping[str, Any]) -> RunRecord:
    """Make the record of what was planned."""
    return RunRecord(
        **known(RunRecord, raw)
        | {
            "choices": {key: value for key, value in raw["choices"].items() if texts([key, value or ""])},
            "point": {key: unspell(value) for key, value in raw["point"].items()},
            "experiment": ExperimentRef(**known(ExperimentRef, raw["experiment"])),
            "labels": {key: Label(**known(Label, label)) for key, label in raw["labels"].items()},
            "environment": Environment(**known(Environment, raw["environment"])),
            "code": _code(raw["code"]) if raw.get("code") else None,
            "recording": Recording(**known(Recording, raw.get("recording", {}))),
            "metrics": {name: _variables(stream) for name, stream in raw.get("metrics", {}).items()},
            "secrets": texts(raw["secrets"]),
            "overrides": texts(raw["overrides"]),
            "command": texts(raw["command"]),
            "tags": texts(raw.get("tags", ())),
            "inputs": restore_inputs(raw.get("inputs", {})),
        }
    )


def restore_status(raw: Mapping[str, Any]) -> Status:
    """Make the record of where a run stands."""
    return Status(
        **known(Status, raw)
        | {
            "status": RunStatus(raw["status"]),
            "failure": Failure(**known(Failure, raw["failure"])) if raw.get("failure") else None,
            "usage": Usage(**known(Usage, raw["usage"])) if raw.get("usage") else None,
            "streams": {name: _summary(summary) for name, summary in raw.get("streams", {}).items()},
            "arrays": {name: restore_kept(file) for name, file in raw.get("arrays", {}).items()},
        }
    )


def _code(raw: Mapping[str, Any]) -> Code:
    return Code(**known(Code, raw) | {"changes": texts(raw.get("changes", ()))})


def _variables(raw: Mapping[str, Any]) -> dict[str, Variable]:
    return {
        name: Variable(**known(Variable, variable) | {"dims": tuple(variable.get("dims", ()))})
        for name, variable in raw.items()
    }


def _summary(raw: Mapping[str, Any]) -> StreamSummary:
    columns = {
        name: Column(texts(column["kinds"]), count(column["records"]), integers(column.get("sizes", ())))
        for name, column in raw["columns"].items()
    }
    steps = _steps(raw["steps"], raw["records"]) if raw.get("steps") else None
    return StreamSummary(count(raw["records"]), count(raw["bytes"]), columns, steps)


def _steps(raw: Mapping[str, Any], records: int) -> Steps:
    pieces = tuple(integers(piece) for piece in raw["pieces"])
    steps = Steps(texts([raw["key"]])[0], tuple((first, stride, length) for first, stride, length in pieces))
    if sum(count(length) for _, _, length in steps.pieces) != records:
        raise ValueError(f"there are no {records} steps in {steps.pieces}")
    return steps
