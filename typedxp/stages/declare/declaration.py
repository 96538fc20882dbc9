"""Owns what a decorated function declares: its name, its schema type, where its YAML files lie, how it is called."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from typedxp.errors import DeclarationError, nearest
from typedxp.stages.declare.schema import describe, signature_model
from typedxp.vocabulary.declared import declared as declared_metrics
from typedxp.vocabulary.metrics import Metrics
from typedxp.vocabulary.records import ExperimentRef
from typedxp.vocabulary.schema import Model

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,99}")


@dataclass(frozen=True, eq=False)
class Declaration:
    """A function with a schema.

    ``config_parameter`` is the parameter that takes the config; None where the function's own signature is the schema.
    """

    function: Callable[..., Any]
    name: str
    config_path: str | None
    config_name: str | None
    seed_with: Callable[[int], Any] | None
    config_parameter: str | None
    run_parameter: str | None
    annotation: Any
    hints: Mapping[str, Any] = dataclasses.field(repr=False)

    @property
    def metrics(self) -> Any:
        """The class that declares what is logged: ``M`` of ``run: Run[M]``; None where nothing is declared."""
        return _metrics(self.hints.get(self.run_parameter or ""))

    @cached_property
    def type(self) -> Any:
        """The class whose instances are configs: None for an untyped ``DictConfig``."""
        if self.config_parameter is None:
            return signature_model(self.name, self.parameters, self.hints)
        return None if _is_dict_config(self.annotation) else self.annotation

    @cached_property
    def schema(self) -> Model | None:
        """The description of :attr:`type`.

        Raises:
            DeclarationError: a field of it cannot be used.
        """
        return None if self.type is None else describe(self.type)

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """The parameters of the function, without the one that takes the run."""
        return [p for p in inspect.signature(self.function).parameters.values() if p.name != self.run_parameter]

    @property
    def config_directory(self) -> Path | None:
        """The absolute path of the YAML files, which ``config_path`` gives relative to the function's file.

        A function that was typed into a notebook or a prompt has no file: then it is relative to the current directory.
        """
        if self.config_path is None:
            return None
        file = Path(self.function.__code__.co_filename)
        return ((file.parent if file.exists() else Path.cwd()) / self.config_path).absolute()

    @property
    def ref(self) -> ExperimentRef:
        """Where a worker process finds the experiment."""
        module = sys.modules.get(self.function.__module__)
        spec = getattr(module, "__spec__", None)
        file = getattr(module, "__file__", None)
        imported = spec.name if spec is not None else None
        if imported and imported.endswith(".__main__"):
            imported = None
        return ExperimentRef(
            name=self.name,
            module=imported,
            file=str(Path(file).absolute()) if file else None,
            function=self.function.__qualname__,
        )

    def call(self, config: Any, run: Any) -> Any:
        """Call the function as it was declared, after seeding."""
        if self.seed_with is not None:
            self.seed_with(config["seed"] if self.type is None else config.seed)
        arguments: dict[str, Any] = {}
        if self.config_parameter is not None:
            arguments[self.config_parameter] = config
        else:
            arguments |= {parameter.name: getattr(config, parameter.name) for parameter in self.parameters}
        if self.run_parameter is not None:
            arguments[self.run_parameter] = run
        return self.function(**arguments)


def declare(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    config_path: str | None = None,
    config_name: str | None = None,
    seed_with: Callable[[int], Any] | None = None,
) -> dict[str, Any]:
    """Look at a function and return the fields of its :class:`Declaration`.

    Raises:
        DeclarationError: the function cannot be an experiment; every reason is named.
    """
    if not callable(function) or not hasattr(function, "__code__"):
        raise DeclarationError(f"{function!r} cannot be an experiment: decorate a function.")
    name = name or function.__name__
    if not _NAME.fullmatch(name):
        raise DeclarationError(f"An experiment cannot be called {name!r}: use letters, digits, '_', '-' and '.'.")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise DeclarationError(f"{name} is no plain function: nobody would await it, or ask it for values.")
    hints = _hints(function)
    parameters = list(inspect.signature(function).parameters.values())
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise DeclarationError(f"{name} takes {parameter}: an experiment takes parameters by name only.")
    run = next((p.name for p in parameters if p.name == "run" or _is_run(hints.get(p.name))), None)
    config = _config_parameter(name, [p for p in parameters if p.name != run], hints)
    declared = _bare(hints[config]) if config is not None else None
    if run is not None and (metrics := _metrics(hints.get(run))) is not None:
        declared_metrics(metrics)
    if seed_with is not None:
        _check_seed(name, declared, [p.name for p in parameters if p.name != run] if config is None else None)
    return {
        "function": function,
        "name": name,
        "config_path": config_path,
        "config_name": config_name or ("config" if config_path is not None else None),
        "seed_with": seed_with,
        "config_parameter": config,
        "run_parameter": run,
        "annotation": declared,
        "hints": hints,
    }


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise DeclarationError(
            f"{function.__name__} cannot be an experiment: {error}. "
            "Its annotations must be importable when it is declared, not only under TYPE_CHECKING."
        ) from error


def _config_parameter(name: str, parameters: list[inspect.Parameter], hints: Mapping[str, Any]) -> str | None:
    if len(parameters) == 1 and _is_schema(hints.get(parameters[0].name)):
        return parameters[0].name
    for parameter in parameters:
        if parameter.name not in hints and parameter.default is parameter.empty:
            raise DeclarationError(
                f"{name} does not say what {parameter.name!r} is: annotate it with a pydantic model, a dataclass or "
                f"omegaconf.DictConfig, or with the type of a value, as in {parameter.name}: float."
            )
    return None


def _bare(annotation: Any) -> Any:
    return annotation.__origin__ if typing.get_origin(annotation) is typing.Annotated else annotation


def _is_schema(annotation: Any) -> bool:
    annotation = _bare(annotation)
    return _is_dict_config(annotation) or (
        isinstance(annotation, type) and (hasattr(annotation, "model_fields") or dataclasses.is_dataclass(annotation))
    )


def _is_dict_config(annotation: Any) -> bool:
    # By name: omegaconf is loaded already if it is one, and must not be if it is not.
    return getattr(annotation, "__module__", "") == "omegaconf.dictconfig" and annotation.__name__ == "DictConfig"


def _is_run(annotation: Any) -> bool:
    from_generic = typing.get_origin(annotation) or annotation
    return getattr(from_generic, "__module__", "") == "typedxp.stages.record" and from_generic.__name__ == "Run"


def _metrics(annotation: Any) -> Any:
    annotation = _bare(annotation)
    arguments = typing.get_args(annotation) if _is_run(annotation) else ()
    if not arguments or arguments[0] is Any:
        return None
    if not (isinstance(arguments[0], type) and issubclass(arguments[0], Metrics)):
        raise DeclarationError(f"{annotation}: what is logged is declared by a subclass of typedxp.Metrics.")
    return arguments[0]


def _check_seed(name: str, declared: Any, parameters: list[str] | None) -> None:
    if declared is not None and _is_dict_config(declared):
        return
    fields = (
        parameters
        if parameters is not None
        else list(getattr(declared, "model_fields", None) or declared.__dataclass_fields__)
    )
    if "seed" not in fields:
        raise DeclarationError(
            f"{name} is declared with seed_with, but its config has no field 'seed'. {nearest('seed', fields)}".strip()
        )
