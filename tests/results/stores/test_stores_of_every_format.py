"""What earlier versions wrote is read by this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from typedxp import open_results
from typedxp.store.store import Store
from typedxp.vocabulary.records import FORMAT, RunStatus

HERE = Path(__file__).parent
FORMATS = sorted(int(path.name) for path in HERE.iterdir() if path.name.isdigit())


@pytest.fixture(params=FORMATS)
def logs(request, tmp_path):
    """Return a copy of the store of one format, so that nothing is written into the one that is kept."""
    return shutil.copytree(HERE / str(request.param), tmp_path / "logs")


def test_there_is_a_store_of_every_format_until_now():
    assert list(range(1, FORMAT + 1)) == FORMATS
    for number in FORMATS:
        written = [json.loads(file.read_text())["format"] for file in (HERE / str(number)).glob("*/run.json")]
        assert written == [number] * 13


def test_every_run_is_read_with_its_status(logs):
    read = {run.id: (run.read_record(), run.read_status()) for run in Store(logs).runs()}

    assert list(read) == list(range(1, 14))
    assert read[5][1].status is RunStatus.FAILED
    assert read[6][1].status is RunStatus.RUNNING
    assert (read[7][1].status, read[7][1].attempt) == (RunStatus.COMPLETED, 2)
    assert {read[number][1].status for number in (*range(1, 5), *range(8, 14))} == {RunStatus.COMPLETED}
    assert [read[number][0].point for number in (4, 10, 13)] == [
        {"optimizer": "adam", "seed": 1},
        {"warmup": 2.5, "schedule": "flat"},
        {"seed": 1},
    ]
    assert Store(logs).run(13).read_config()["epochs"] == 5
    assert read[10][0].labels["warmup"].unit == "s"
    assert read[1][0].code.commit is not None


def test_the_numbers_are_those_that_were_logged(logs):
    results = open_results(logs)

    def of(name, run):
        values = results[name].values[np.asarray((results["run"] == run).broadcast_like(results[name]))]
        return [value for value in values if value == value]  # noqa: PLR0124 - NaN differs from itself

    np.testing.assert_allclose(of("train.loss", 4), [1.001, 1.0005, 1 + 0.001 / 3])
    np.testing.assert_allclose(of("train.loss", 5), [2.001, 2.0005])
    np.testing.assert_allclose(of("train.loss", 7), [4.001, 4.0005, 4 + 0.001 / 3])
    np.testing.assert_allclose(of("train.loss", 12), [0.1, 0.05, 0.1 / 3, 0.025, 0.02])
    np.testing.assert_allclose(of("test.recall", 2), [0.5, 1.1, 0.5, 1.05, 0.5, 1 + 0.1 / 3])
    np.testing.assert_allclose(of("accuracy", 13), [0.5])
    assert [value for value in of("verdict", 8) if value] == ["good"]
    assert (results["train.loss"].attrs["units"], results["train.loss"].attrs["long_name"]) == (
        "nats", "mean over the batches",
    )  # fmt: skip
