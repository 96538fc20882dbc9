"""typedxp: typed experiments, declared once, swept anywhere, read as one lazy xarray Dataset."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from typedxp.vocabulary.version import VERSION

if TYPE_CHECKING:
    from typedxp.errors import (
        ConfigError,
        DeclarationError,
        ExecutionError,
        PlanError,
        ProfileError,
        RecordError,
        ResultsError,
        SchedulerError,
        SnapshotError,
        StoreError,
        TypedxpError,
    )
    from typedxp.results.open import fields, open_results
    from typedxp.runner.experiment import Experiment, experiment
    from typedxp.runner.handles import RunHandle, SweepHandle
    from typedxp.stages.declare.registry import register
    from typedxp.stages.record import Run
    from typedxp.stages.seed import seed_everything
    from typedxp.vocabulary.inputs import InputPath
    from typedxp.vocabulary.metrics import Array, Description, Metrics, Stream, Unit
    from typedxp.vocabulary.stopping import StopRequest

__version__ = VERSION

_HOMES = {
    "Array": "typedxp.vocabulary.metrics",
    "ConfigError": "typedxp.errors",
    "DeclarationError": "typedxp.errors",
    "Description": "typedxp.vocabulary.metrics",
    "ExecutionError": "typedxp.errors",
    "Experiment": "typedxp.runner.experiment",
    "InputPath": "typedxp.vocabulary.inputs",
    "Metrics": "typedxp.vocabulary.metrics",
    "PlanError": "typedxp.errors",
    "ProfileError": "typedxp.errors",
    "RecordError": "typedxp.errors",
    "ResultsError": "typedxp.errors",
    "Run": "typedxp.stages.record",
    "RunHandle": "typedxp.runner.handles",
    "SchedulerError": "typedxp.errors",
    "SnapshotError": "typedxp.errors",
    "StopRequest": "typedxp.vocabulary.stopping",
    "StoreError": "typedxp.errors",
    "Stream": "typedxp.vocabulary.metrics",
    "SweepHandle": "typedxp.runner.handles",
    "TypedxpError": "typedxp.errors",
    "Unit": "typedxp.vocabulary.metrics",
    "experiment": "typedxp.runner.experiment",
    "fields": "typedxp.results.open",
    "open_results": "typedxp.results.open",
    "register": "typedxp.stages.declare.registry",
    "seed_everything": "typedxp.stages.seed",
}

__all__ = [
    "Array",
    "ConfigError",
    "DeclarationError",
    "Description",
    "ExecutionError",
    "Experiment",
    "InputPath",
    "Metrics",
    "PlanError",
    "ProfileError",
    "RecordError",
    "ResultsError",
    "Run",
    "RunHandle",
    "SchedulerError",
    "SnapshotError",
    "StopRequest",
    "StoreError",
    "Stream",
    "SweepHandle",
    "TypedxpError",
    "Unit",
    "experiment",
    "fields",
    "open_results",
    "register",
    "seed_everything",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing typedxp costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'typedxp' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
