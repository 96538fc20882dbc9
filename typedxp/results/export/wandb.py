"""Owns Weights & Biases: runs become offline run directories, written by wandb itself, for ``wandb sync``."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from typedxp.errors import ResultsError
from typedxp.results.export.environment import environment
from typedxp.results.export.finished import STEP, Exported, FinishedRun, load
from typedxp.vocabulary.records import RunStatus


def export(run: FinishedRun, place: Path) -> Exported:
    """Write a run into a directory of its own in ``place``/wandb, without a connection to anywhere.

    Metrics are called ``train/loss``, and are drawn over ``train/step``. The directory appears when it is whole. The id
    of the run is the same each time, so that ``wandb sync`` never makes a second one of it.

    Raises:
        ResultsError: wandb is not installed, or refuses something.
    """
    target = place / "wandb"
    found = next(target.glob(f"offline-run-*-{run.identity}"), None)
    if found:
        return Exported(str(found), written=False)
    target.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=".export-", dir=target))
    try:
        # Errors are not reported either.
        with environment(WANDB_MODE="offline", WANDB_ERROR_REPORTING="false"):
            _write(run, draft)
        [written] = (draft / "wandb").glob(f"offline-run-*-{run.identity}")
        return Exported(str(written.rename(target / written.name)), written=True)
    finally:
        shutil.rmtree(draft)


def _write(run: FinishedRun, draft: Path) -> None:
    wandb = load("wandb", "wandb")
    try:
        made = wandb.init(
            mode="offline",
            dir=draft,
            id=run.identity,
            project=run.record.experiment.name,
            name=run.name,
            tags=[str(run.state.status)],
            config=run.config,
            settings=_settings(wandb),
        )
        _log(run, made)
        made.summary.update({tag.replace(".", "/"): text for tag, text in run.tags.items()})
        made.finish(exit_code=0 if run.state.status is RunStatus.COMPLETED else 1)
    except wandb.Error as error:
        raise ResultsError(f"wandb refuses run {run.record.id}: {error}") from error


def _settings(wandb: Any) -> Any:
    """Ask wandb to say nothing of this process, which is not the one that the run was."""
    return wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        disable_job_creation=True,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
    )


def _log(run: FinishedRun, made: Any) -> None:
    for stream, points in run.points.items():
        # wandb counts the records of all streams together, so each stream brings its own steps.
        made.define_metric(f"{stream}/{STEP}", hidden=True)
        made.define_metric(f"{stream}/*", step_metric=f"{stream}/{STEP}")
        for point in points:
            values = {f"{stream}/{name}": value for name, value in point.values.items()}
            made.log({f"{stream}/{STEP}": point.step, "_timestamp": point.time, **values})
