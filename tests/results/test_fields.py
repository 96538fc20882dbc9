"""The fields of runs: what there is to ask for."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import typedxp
from typedxp import ResultsError
from typedxp.artifacts.directory import Artifacts
from typedxp.results.runs.fields import FACTS, Fields
from typedxp.results.sources.choose import open_source
from typedxp.vocabulary.records import RunStatus


def test_fields_lists_what_can_be_asked_with_types_and_how_many_runs_have_it(grid):
    grid.add({"optimizer.lr": 1, "seed": 3}, {}, RunStatus.FAILED, config={"name": "x", "tuple": [1, 2]})

    fields = typedxp.fields(grid.path)

    assert fields.index.name == "field"
    assert fields.columns.tolist() == ["type", "runs", "values", "examples"]
    assert fields.loc["run"].tolist() == ["int", 7, 7, "1, 2, 3"]
    assert fields.loc["status"].tolist() == ["text", 7, 2, "'completed', 'failed'"]
    assert fields.loc["created"].tolist() == ["time", 7, 1, "'2026-11-20T12:00:00Z'"]
    assert fields.loc["config.optimizer.lr"].tolist() == ["float, int", 7, 3, "0.1, 0.01, 1"]
    assert fields.loc["config.seed", "values"] == 4
    assert fields.loc["metrics.train.loss.min"].tolist() == ["float", 6, pd.NA, ""]
    assert "cause" not in fields.index


def test_what_is_known_of_kept_arrays_is_no_field(store):
    directory = store.add({}, status=RunStatus.FAILED)
    Artifacts(directory.path / "artifacts").save(np.arange(3), "a.npy")

    assert "a" in typedxp.open_results(store.path)
    assert "arrays" not in typedxp.fields(store.path).index


def test_every_field_that_is_listed_can_be_asked_for(grid):
    grid.add({"optimizer.lr": 1, "seed": 3}, [{"train/acc": 1, "note": "x"}])

    names = typedxp.fields(grid.path).index

    assert {"metrics.train.train/acc.max", "metrics.train.note.last"} <= set(names)
    assert "metrics.train.note.max" not in names
    for name in names:
        assert typedxp.open_results(grid.path, where=f"`{name}` != null", layout="runs").sizes["run"] >= 1


def test_listing_fields_reads_no_metrics(grid):
    expected = typedxp.fields(grid.path)
    for run in range(1, 7):
        shutil.rmtree(grid.path / str(run) / "metrics")

    pd.testing.assert_frame_equal(typedxp.fields(grid.path), expected)


def test_fields_of_one_experiment_or_of_all(store):
    store.add({"a": 1}, config={"a": 1}, experiment="one")
    store.add({"b": 1}, config={"b": 1}, experiment="two")

    assert {"config.a", "config.b"} <= set(typedxp.fields(store.path).index)
    assert "config.b" not in typedxp.fields(str(store.path), experiment="one").index
    with pytest.raises(ResultsError, match=r"no run of 'on'. Did you mean one\?"):
        typedxp.fields(store.path, experiment="on")
    with pytest.raises(ResultsError, match="There is no directory"):
        typedxp.fields(store.path / "nowhere")


def test_what_every_run_may_have_is_known_and_nothing_internal_is_shown(grid):
    source = open_source(Path(grid.path))

    assert Fields(source, source.table).facts == FACTS


def test_fields_of_many_runs_fit_into_a_terminal(grid):
    lines = str(typedxp.fields(grid.path)).splitlines()

    assert max(map(len, lines)) < 100
