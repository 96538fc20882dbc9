"""Owns what Hydra tells of a composition: ``--cfg``, ``--info`` and shell completion."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from typedxp.errors import ConfigError, PlanError, Problem
from typedxp.stages.compose.assign import interpolated, resolve
from typedxp.stages.compose.composer import Composer
from typedxp.stages.compose.sweep import Sweep
from typedxp.vocabulary.plan import REDACTED, Assignment, redact
from typedxp.vocabulary.tree import copy, get, leaves, put, secret_leaves, secrets_in, split, untyped

if TYPE_CHECKING:
    from hydra._internal.hydra import Hydra


def config(
    composer: Composer, assignments: Sequence[Assignment], part: str, *, resolved: bool, package: str | None
) -> None:
    """Print the composed config of the first point as YAML: ``part`` is ``job``, ``hydra`` or ``all``.

    Raises:
        ConfigError: it cannot be composed.
    """
    from omegaconf import OmegaConf

    tree = _tree(composer, assignments, part, resolved=resolved)
    if package not in (None, "_global_"):
        assert package is not None
        print(f"# @package {package}")
        tree = get(tree, split(package))
        if tree is None:
            raise ConfigError(composer.name, [Problem(package, "", "--package", "There is no such key in the config.")])
    print(OmegaConf.to_yaml(OmegaConf.create(tree)) if isinstance(tree, dict | list) else tree, end="")


def _tree(composer: Composer, assignments: Sequence[Assignment], part: str, *, resolved: bool) -> Any:
    sweep = Sweep(composer, assignments)
    if sweep.problems:
        raise ConfigError(composer.name, sweep.problems)
    tree, problems = sweep.first_tree()
    if problems:
        raise ConfigError(composer.name, problems)
    if sweep.axes:
        print("# the first point of the sweep", file=sys.stderr)
    if resolved and interpolated(tree):
        tree, _ = resolve(tree)
    shown = _redacted(composer, untyped(tree))
    if part == "job":
        shown.pop("xp", None)
        return shown
    return {**(shown if part == "all" else {}), "hydra": sweep.hydra_tree()}


def info(composer: Composer, overrides: Sequence[str], part: str) -> None:
    """Print how Hydra composes the config.

    Raises:
        ConfigError: it cannot be composed.
    """
    said = io.StringIO()
    # A log that cannot be written would complain of each line.
    with _hydra(composer) as hydra, composer.translated(), redirect_stdout(said):
        hydra.show_info(part, composer.main, [text for text in overrides if not text.startswith("xp.")])
    print(said.getvalue(), end="")


def complete(composer: Composer, overrides: Sequence[str]) -> None:
    """Print what a shell asks for to complete a command line.

    Raises:
        PlanError: the shell is not known.
    """
    with _hydra(composer) as hydra:
        try:
            hydra.shell_completion(composer.main, list(overrides))
        except ValueError as error:
            raise PlanError(f"{error}. Write -sc install=bash, uninstall=bash or query=bash (or zsh, fish).") from error


def _redacted(composer: Composer, tree: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = copy(tree)
    if composer.schema is None:
        return shown
    secrets = secrets_in(tree, composer.schema)
    for key, value in leaves(tree):
        if isinstance(value, str):
            # What refers to a secret has become a part of the text.
            put(shown, key, redact(value, secrets))
    for key, _ in secret_leaves(tree, composer.schema):
        put(shown, key, REDACTED)
    return shown


@contextmanager
def _hydra(composer: Composer) -> Iterator[Hydra]:
    """Make Hydra's own object over our loader; it tells what it knows through the log."""
    from hydra._internal import hydra as module
    from hydra._internal.hydra import Hydra

    made = Hydra(composer.name, composer.loader)
    root = logging.getLogger()
    before = module.log, root.level, root.handlers[:]
    module.log = logging.Logger("typedxp.hydra", logging.DEBUG)  # noqa: LOG001 - in no hierarchy, so that nobody is told twice
    module.log.addHandler(logging.StreamHandler(sys.stdout))
    try:
        yield made
    finally:
        # Some of Hydra's plugins set up logging for everybody.
        module.log, root.level, root.handlers[:] = before
