"""What is written down of a run before it starts."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from typedxp.errors import StoreError
from typedxp.stages.allocate import Origin, allocate
from typedxp.store.store import Store
from typedxp.vocabulary.documented import DocumentedField
from typedxp.vocabulary.metrics import Variable
from typedxp.vocabulary.plan import Judged, Plan, RunSpec
from typedxp.vocabulary.records import Code, ExperimentRef, Recording, RunStatus
from typedxp.vocabulary.schema import Field, Model

REF = ExperimentRef("train", None, "/home/user/train.py", "train")
SCHEMA = Model(
    "Config",
    None,
    (
        Field("seed", "int"),
        Field("opt", "Opt", models=(Model("Opt", None, (Field("lr", "float", description="d", unit="m"),)),)),
    ),
)
CODE = Code("/home/user", "abc", "main", dirty=True)


RECORDING = Recording(capture=False, timestamps=True, monitor=2.5)
METRICS = {"train": {"loss": Variable("float", ("class",), "m", "the loss")}}


def origin(schema=None, code=None, command=()):
    return Origin(REF, schema, METRICS, code, RECORDING, command)


def spec(values, point, secrets=None, overrides=()):
    return RunSpec("digest", Judged(None, values, secrets or {}), point, {}, {}, tuple(overrides))


def plan_of(count):
    return Plan(tuple(spec({"seed": seed}, {"seed": seed}) for seed in range(count)))


def test_each_run_of_a_plan_gets_its_record_its_config_and_the_status_planned(tmp_path):
    plan = Plan(
        (spec({"seed": 1, "opt": {"lr": 0.5}}, {"opt.lr": 0.5, "seed": 1}, overrides=["opt.lr=0.5"]), *plan_of(2).runs)
    )

    before = datetime.now(UTC).isoformat(timespec="milliseconds")
    first, second, third = allocate(Store(tmp_path / "logs"), plan, origin(SCHEMA, CODE, ["train.py", "seed=1"]))

    record = first.read_record()
    assert (record.id, record.experiment, record.code, record.command) == (1, REF, CODE, ("train.py", "seed=1"))
    assert list(record.point.items()) == [("opt.lr", 0.5), ("seed", 1)]
    assert {key: (label.description, label.unit) for key, label in record.labels.items()} == {
        "opt.lr": ("d", "m"),
        "seed": (None, None),
    }
    assert (record.overrides, record.cwd) == (("opt.lr=0.5",), str(Path.cwd()))
    assert (record.recording, record.metrics) == (RECORDING, METRICS)
    assert before <= record.created <= datetime.now(UTC).isoformat(timespec="milliseconds")
    assert first.read_config() == {"seed": 1, "opt": {"lr": 0.5}}
    assert first.read_status().status is RunStatus.PLANNED
    assert record.sweep == second.read_record().sweep == third.read_record().sweep
    assert sorted(path.name for path in first.path.iterdir()) == ["config.yaml", "run.json", "status.json"]


def test_runs_name_the_document_of_their_schema_which_is_there_once(tmp_path):
    store = Store(tmp_path / "logs")
    first, second = allocate(store, plan_of(2), origin(SCHEMA))
    [third] = allocate(store, plan_of(1), origin(SCHEMA))

    [digest] = {run.read_record().schema for run in (first, second, third)}
    assert [path.name for path in store.documents.iterdir()] == [f"{digest}.json"]
    assert store.read_document(digest).fields["opt.lr"] == (DocumentedField("float", description="d", unit="m"),)


def test_runs_of_a_config_without_a_schema_name_no_document(tmp_path):
    [run] = allocate(Store(tmp_path / "logs"), plan_of(1), origin())

    assert run.read_record().schema is None
    assert not (tmp_path / "logs" / "documents").exists()


def test_secrets_are_written_nowhere(tmp_path):
    hidden = spec({"token": "**********"}, {}, {"token": "s3cret"}, ["token=s3cret"])

    [run] = allocate(Store(tmp_path / "logs"), Plan((hidden,)), origin(command=["train.py", "token=s3cret"]))

    assert run.read_record().secrets == ("token",)
    assert run.read_record().overrides == ("token=**********",)
    assert run.read_record().command == ("train.py", "token=**********")
    assert not any(b"s3cret" in file.read_bytes() for file in run.path.iterdir())


@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, 2**64 - 1, "\udcff", [math.inf, 1], {"a": None}, True, 0.1]
)
def test_a_swept_value_is_read_back_as_it_was_and_the_file_is_json(tmp_path, value):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    [run] = allocate(Store(tmp_path / "logs"), Plan((spec({}, {"key": value}),)), origin())

    json.loads((run.path / "run.json").read_text(), parse_constant=refuse)
    read = run.read_record().point["key"]
    if not isinstance(value, list):
        assert read == value or (read != read and value != value)  # noqa: PLR0124 - NaN differs from itself


def test_a_user_without_a_name_is_a_number(tmp_path, monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    [run] = allocate(Store(tmp_path / "logs"), plan_of(1), origin())

    assert run.read_record().environment.user.isdigit()


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path, monkeypatch):
    from typedxp.store.directory import RunDirectory

    write = RunDirectory.write_plan

    def fill_up(self, record, config, first):
        if self.id == 3:
            raise OSError(28, "No space left on device")
        write(self, record, config, first)

    monkeypatch.setattr(RunDirectory, "write_plan", fill_up)
    with pytest.raises(StoreError, match="No space left on device"):
        allocate(Store(tmp_path / "logs"), plan_of(5), origin(SCHEMA))

    assert list(tmp_path.iterdir()) == []
