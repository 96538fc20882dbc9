"""Owns MLflow: runs go into a tracking database of SQLite, written by MLflow's own client."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typedxp.errors import ResultsError
from typedxp.results.export.environment import environment
from typedxp.results.export.finished import Exported, FinishedRun, as_float, as_text, left_out, load
from typedxp.results.names import unused
from typedxp.vocabulary.records import RunStatus

_IDENTITY = "typedxp.identity"
_ENDS = {RunStatus.COMPLETED: "FINISHED", RunStatus.CANCELLED: "KILLED"}
# What one request may hold: https://mlflow.org/docs/latest/rest-api.html#log-batch
_METRICS, _PARAMETERS = 1000, 100
_UNSAFE = re.compile(r"[^\w\-. :/]")


def export(run: FinishedRun, place: Path) -> Exported:
    """Write a run into ``place``/mlflow.db, which ``mlflow ui --backend-store-uri sqlite:///...`` shows.

    Metrics are called ``train/loss``. An export that was cut off is begun anew.

    Raises:
        ResultsError: MLflow is not installed, or refuses something.
    """
    with environment(MLFLOW_DISABLE_TELEMETRY="true"):
        mlflow = load("mlflow", "mlflow")
        with _refusals(run, mlflow):
            return _export(run, place.absolute(), mlflow)


def _export(run: FinishedRun, place: Path, mlflow: Any) -> Exported:
    place.mkdir(parents=True, exist_ok=True)
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{place / 'mlflow.db'}")
    experiment = _experiment(client, run.record.experiment.name, place)
    for found in client.search_runs([experiment], f"tags.`{_IDENTITY}` = '{run.identity}'"):
        if found.info.status != "RUNNING":
            return Exported(client.tracking_uri, written=False)
        client.delete_run(found.info.run_id)
    made = client.create_run(
        experiment, start_time=round(run.start * 1000), tags={_IDENTITY: run.identity} | _tags(run), run_name=run.name
    )
    metrics, notes = _metrics(run, mlflow.entities.Metric)
    for batch in _batches(metrics, _METRICS):
        client.log_batch(made.info.run_id, metrics=batch)
    for batch in _batches(_parameters(run, mlflow.entities.Param), _PARAMETERS):
        client.log_batch(made.info.run_id, params=batch)
    end = _ENDS.get(run.state.status, "FAILED")
    client.set_terminated(made.info.run_id, end, end_time=round(run.end * 1000))
    return Exported(client.tracking_uri, written=True, notes=notes)


def _experiment(client: Any, name: str, place: Path) -> str:
    found = client.get_experiment_by_name(name)
    if found:
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=(place / "artifacts").as_uri()))


def _tags(run: FinishedRun) -> dict[str, str]:
    # MLflow shows the commit where it knows it by its own name.
    commit = run.tags.get("typedxp.commit")
    return run.tags | ({"mlflow.source.git.commit": commit} if commit else {})


def _metrics(run: FinishedRun, metric: Any) -> tuple[list[Any], tuple[str, ...]]:
    values = [
        (f"{stream}/{name}", value, point)
        for stream, points in run.points.items()
        for point in points
        for name, value in point.values.items()
    ]
    names = _names(name for name, _, _ in values)
    numbers = [(name, as_float(value), point) for name, value, point in values if isinstance(value, bool | int | float)]
    distinct: dict[tuple[str, str, int, int], Any] = {}
    for name, number, point in numbers:
        # MLflow takes two that are alike for the same one, unless they are a millisecond apart.
        time = round(point.time * 1000)
        while (seen := (name, repr(number), time, point.step)) in distinct:
            time += 1
        distinct[seen] = metric(names[name], number, time, point.step)
    made = list(distinct.values())
    other = {name for name, value, _ in values if not isinstance(value, bool | int | float)}
    changed = {name for name, value, _ in values if isinstance(value, int) and as_float(value) != value}
    changed |= {name for name, number, _ in numbers if math.isinf(number)}
    notes = left_out(run, "MLflow", other, "holds numbers only, so other values of these are left out")
    return made, notes + left_out(run, "MLflow", changed, "holds infinities and huge integers as the nearest float")


def _parameters(run: FinishedRun, parameter: Any) -> list[Any]:
    names = _names(run.parameters)
    return [parameter(names[key], as_text(value)) for key, value in run.parameters.items()]


def _names(names: Iterable[str]) -> dict[str, str]:
    """Give each name one that MLflow takes, and no two the same."""
    safe: dict[str, str] = {}
    for name in dict.fromkeys(names):
        safe[name] = unused(_UNSAFE.sub("_", name), safe.values())
    return safe


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


@contextmanager
def _refusals(run: FinishedRun, mlflow: Any) -> Iterator[None]:
    try:
        yield
    except mlflow.exceptions.MlflowException as error:
        raise ResultsError(f"MLflow refuses run {run.record.id}: {error}") from error
