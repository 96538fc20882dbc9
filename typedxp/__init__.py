"""typedxp: typed experiments, declared once, swept anywhere, read as one lazy xarray Dataset."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from typedxp.vocabulary.version import VERSION as __version__

if TYPE_CHECKING:
    from typedxp.errors import (
        ConfigError,
        DeclarationError,
        ExecutionError,
        PlanError,
        RecordError,
        ResultsError,
        StoreError,
        TypedxpError,
    )
    from typedxp.results.open import open_results
    from typedxp.runner.experiment import Experiment, RunHandle, SweepHandle, experiment
    from typedxp.stages.declare.registry import register
    from typedxp.stages.record import Run
    from typedxp.stages.seed import seed_everything

_HOMES = {
    "ConfigError": "typedxp.errors",
    "DeclarationError": "typedxp.errors",
    "ExecutionError": "typedxp.errors",
    "Experiment": "typedxp.runner.experiment",
    "PlanError": "typedxp.errors",
    "RecordError": "typedxp.errors",
    "ResultsError": "typedxp.errors",
    "Run": "typedxp.stages.record",
    "RunHandle": "typedxp.runner.experiment",
    "StoreError": "typedxp.errors",
    "SweepHandle": "typedxp.runner.experiment",
    "TypedxpError": "typedxp.errors",
    "experiment": "typedxp.runner.experiment",
    "open_results": "typedxp.results.open",
    "register": "typedxp.stages.declare.registry",
    "seed_everything": "typedxp.stages.seed",
}

__all__ = [
    "ConfigError",
    "DeclarationError",
    "ExecutionError",
    "Experiment",
    "PlanError",
    "RecordError",
    "ResultsError",
    "Run",
    "RunHandle",
    "StoreError",
    "SweepHandle",
    "TypedxpError",
    "experiment",
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
