"""Owns where cluster profiles come from, and their judgement.

From far to near: the names of the schedulers themselves, the site's directory, the user's, what Python has registered,
and the YAML files in ``xp/profile/`` of the project's config directory, which Hydra finds for an experiment. Of one
name, the nearest is taken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.errors import ConfigError, Problem, ProfileError, nearest
from typedxp.schedulers.registry import added_by, get_scheduler
from typedxp.stages.compose.assign import incomplete, interpolated, resolve
from typedxp.stages.declare.registry import registered
from typedxp.stages.validate.settings import judge_settings
from typedxp.store import yaml
from typedxp.vocabulary.plan import Composed, TypedFloat, TypedInt

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

GROUP = "xp/profile"
SITE = Path("/etc/typedxp/profiles")

_UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Found:
    """A profile that has a name: plain values, where they come from, and the places of those that it takes over."""

    origin: str
    values: Mapping[str, Any]
    hidden: tuple[str, ...] = ()


def find_profiles() -> dict[str, Found]:
    """Return all profiles but those of the project's YAML files, by name, the nearest of each name."""
    found = {name: Found(package, {"scheduler": name}) for name, package in added_by().items()}
    for place in (SITE, user_directory()):
        _take(found, _in_directory(place))
    _take(found, ((name, Found("Python", plain_profile(value))) for name, value in registered(GROUP).items()))
    return found


def profiles_from_here() -> dict[str, Found]:
    """Return all profiles, by name, with those in a config directory of the working directory."""
    found = find_profiles()
    for place in [*sorted(Path.cwd().glob(f"[!.]*/{GROUP}")), Path.cwd() / GROUP]:
        _take(found, ((name, _alone(each)) for name, each in _in_directory(place)))
    return found


def named_profile(name: str) -> dict[str, Any]:
    """Return what the profile of this name sets, as it is found from the working directory.

    Raises:
        ProfileError: there is none.
        ConfigError: it refers to something that there is not.
    """
    found = profiles_from_here()
    if name not in found:
        raise ProfileError(f"There is no profile {name!r}. {nearest(name, found)} To list them: typedxp profiles")
    values, problems = resolved_profile(found[name].values, lambda _: found[name].origin)
    if problems:
        raise ConfigError(f"the profile {name}", problems)
    return values


def as_typed(tree: Any) -> Any:
    """Return the text of numbers that remember it: ``12:00:00`` is a number to YAML, and so is the account ``0123``."""
    if isinstance(tree, dict):
        return {key: as_typed(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [as_typed(value) for value in tree]
    return tree.text if isinstance(tree, TypedInt | TypedFloat) else tree


def resolved_profile(
    values: Mapping[str, Any], origin: Callable[[tuple[str, ...]], str]
) -> tuple[dict[str, Any], list[Problem]]:
    """Replace what refers to the environment, or to other fields of a profile; tell what refers to nothing."""
    tree: dict[str, Any] = {"xp": {"profile": dict(values)}}
    if not interpolated(tree):
        return dict(values), []
    tree, refused = resolve(tree)
    return tree["xp"]["profile"], [Problem(".".join(key), "", origin(key), why) for key, why in refused.items()]


def judge_named(values: Mapping[str, Any], name: str | None) -> Profile:
    """Judge a profile that no experiment was composed with; ``name`` is its own, if it has one.

    Raises:
        ConfigError: it is not valid.
    """
    found = profiles_from_here().get(name) if name is not None else None
    home = found.origin if found is not None else "command line"
    judged = judge_profile(values, Composed({}, {}, {}, {}, (), lambda _: home))
    if isinstance(judged, list):
        raise ConfigError(f"the profile {name}" if name is not None else "the profile", judged)
    return judged


def user_directory() -> Path:
    """Name the directory of the user's own profiles."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "typedxp" / "profiles"


def home_of(name: str | None, point: Composed) -> tuple[Callable[[tuple[str, ...]], str], str]:
    """Return what tells where a field of a profile was set, and where the profile itself lies."""
    found = find_profiles().get(name or "")
    home = found.origin if found is not None else f"xp/profile={name}"

    def origin(key: tuple[str, ...]) -> str:
        where = point.origin(key)
        return where if where != "default" else home

    return origin, home


def judge_profile(values: Mapping[str, Any], point: Composed, name: str | None = None) -> Profile | list[Problem]:
    """Judge what was composed for a profile; ``name`` is the option that was chosen, if one was.

    What its scheduler cannot express is a problem, too.
    """
    origin, home = home_of(name, point)
    # What is unset is as if nobody had set it.
    values = {key: value for key, value in values.items() if value is not None}
    if text := values.get(_UNREADABLE):
        return [Problem(GROUP, str(name), home, str(text))]
    scheduler = values.get("scheduler")
    if scheduler is None:
        message = f"There is no profile yet. Choose one: xp/profile=NAME. Known: {', '.join(sorted(find_profiles()))}."
        return [Problem("xp.profile.scheduler", "", origin(("xp", "profile")), message)]
    try:
        model = get_scheduler(str(scheduler)).profile
        judged = judge_settings(model, values, _placed(point, origin), ("xp", "profile"))
        if not isinstance(judged, list):
            judged.check()
    except ProfileError as error:
        return [Problem("xp.profile", "", origin(("xp", "profile", "scheduler")), str(error))]
    if isinstance(judged, list):
        return [_meant(problem, model) for problem in judged]
    profile: Profile = judged
    return profile


def _meant(problem: Problem, model: type[Profile]) -> Problem:
    """Say which field was probably meant by one that there is not."""
    if "Extra inputs" not in problem.message:
        return problem
    hint = nearest(problem.key.removeprefix("xp.profile."), model.model_fields)
    scheduler = model.model_fields["scheduler"].default
    message = f"There is no such setting for {scheduler}. {hint} Native options go into `directives`."
    return Problem(problem.key, problem.value, problem.origin, message)


def _placed(point: Composed, origin: Any) -> Composed:
    return Composed(point.values, point.swept, point.choices, point.members, point.overrides, origin)


def _take(found: dict[str, Found], nearer: Iterable[tuple[str, Found]]) -> None:
    """Put profiles over those of the same names that are farther away."""
    for name, each in nearer:
        before = found.get(name)
        hidden = (before.origin, *before.hidden) if before is not None else ()
        found[name] = replace(each, hidden=hidden)


def _alone(found: Found) -> Found:
    """Refuse what only an experiment's command line can compose."""
    if "defaults" not in found.values:
        return found
    text = f"{found.origin} has a defaults list, which only an experiment reads: python train.py xp/profile=NAME -n."
    return replace(found, values=_unreadable(text))


def _in_directory(place: Path) -> Iterator[tuple[str, Found]]:
    """Yield the profiles of a directory; one that cannot be read is there, and refused when it is chosen."""
    try:
        files = sorted(file for file in place.iterdir() if file.suffix in (".yaml", ".yml"))
    except OSError:
        return
    for file in files:
        try:
            values = yaml.load_typed(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            values = _unreadable(f"{file} cannot be read: {error}")
        if not isinstance(values, dict):
            values = _unreadable(f"{file} holds no mapping of settings.")
        if broken := incomplete(values):
            values = _unreadable(f"{file} cannot be read: {broken[0]!r} is no complete reference.")
        yield file.stem, Found(str(file), values)


def _unreadable(text: str) -> dict[str, Any]:
    """Make what stands for a profile that cannot be used; Hydra must not take a part of the text for a reference."""
    return {_UNREADABLE: text.replace("${", "$ {")}


def plain_profile(value: Any) -> Mapping[str, Any]:
    """Return what was given as a profile in Python as plain values; what is none is refused when it is judged."""
    if isinstance(value, Mapping):
        return value
    plain = getattr(value, "plain", None)
    if plain is None or isinstance(value, type):
        return _unreadable(f"{value!r} was given in Python, and is no profile.")
    values: Mapping[str, Any] = plain()
    return values
