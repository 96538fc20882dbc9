"""Owns where cluster profiles come from, and their judgement.

From far to near: the names of the schedulers themselves, the site's directory, the user's, what Python has registered,
and the YAML files in ``xp/profile/`` of the project's config directory, which Hydra finds for an experiment. Of one
name, the nearest is taken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.errors import ConfigError, Problem, ProfileError, nearest
from typedxp.schedulers.registry import added_by, get_scheduler, scheduler_names
from typedxp.stages.compose.assign import incomplete, interpolated, resolve
from typedxp.stages.declare.registry import registered
from typedxp.stages.validate.settings import judge_settings
from typedxp.store import yaml
from typedxp.vocabulary.plan import Composed, TypedFloat, TypedInt
from typedxp.vocabulary.schema import Key
from typedxp.vocabulary.tree import get, literal, shown

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

GROUP = "xp/profile"
SITE = Path("/etc/typedxp/profiles")

_PLACE = ("xp", "profile")
_UNREADABLE = "unreadable"

Origin = Callable[[Key], str]
"""Tells where the value at a key comes from."""


@dataclass(frozen=True)
class Found:
    """A profile that has a name: plain values, where they come from, and the places of those that it takes over."""

    origin: str
    values: Mapping[str, Any]
    hidden: tuple[str, ...] = ()

    @property
    def readable(self) -> Mapping[str, Any]:
        """The values, or nothing if they could not be read."""
        return {name: value for name, value in self.values.items() if name != _UNREADABLE}


def find_profiles() -> dict[str, Found]:
    """Return all profiles but those of the project's YAML files, by name, the nearest of each name."""
    found = {name: Found(package, {"scheduler": name}) for name, package in added_by().items()}
    for place in (SITE, user_directory()):
        _take(found, _in_directory(place))
    _take(found, ((name, _of_python(value)) for name, value in registered(GROUP).items()))
    return found


def profiles_from_here() -> dict[str, Found]:
    """Return all profiles, by name, with those in a config directory of the working directory."""
    found = find_profiles()
    for place in [*sorted(Path.cwd().glob(f"[!.]*/{GROUP}")), Path.cwd() / GROUP]:
        # Hydra, which reads those of an experiment, knows no other suffix.
        _take(found, _in_directory(place, (".yaml",)))
    return {name: _alone(each) for name, each in found.items()}


def named_profile(name: str) -> dict[str, Any]:
    """Return what the profile of this name sets, as it is found from the working directory.

    Raises:
        ProfileError: there is none.
        ConfigError: it refers to something that there is not.
    """
    found = profiles_from_here()
    if name not in found:
        raise ProfileError(f"There is no profile {name!r}. {nearest(name, found)} To list them: typedxp profiles")
    return _resolved(name, found[name])


def as_typed(tree: Any) -> Any:
    """Return the text of numbers that remember it: ``12:00:00`` is a number to YAML, and so is the account ``0123``."""
    if isinstance(tree, dict):
        return {key: as_typed(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [as_typed(value) for value in tree]
    return tree.text if isinstance(tree, TypedInt | TypedFloat) else tree


def resolved(values: Mapping[str, Any], origin: Origin, place: Key = _PLACE) -> tuple[dict[str, Any], list[Problem]]:
    """Replace what refers to the environment, or to others of the values, which are those at ``place``.

    What refers to nothing is left, and told.
    """
    if not interpolated(values):
        return dict(values), []
    tree = dict(values)
    for name in reversed(place):
        tree = {name: tree}
    made, refused = resolve(tree)
    problems = [Problem(".".join(key), shown(get(tree, key)), origin(key), _why(why)) for key, why in refused.items()]
    return get(made, place), problems


def _why(refusal: str) -> str:
    if not refusal.startswith("Interpolation key"):
        return refusal
    return f"{refusal}. Settings are the same for all points: they can refer to each other, and to the environment."


def judge_named(values: Mapping[str, Any], name: str | None) -> Profile:
    """Judge a profile that no experiment was composed with; ``name`` is its own, if it has one.

    Raises:
        ConfigError: it is not valid.
    """

    def origin(_: Key) -> str:
        found = profiles_from_here().get(name) if name is not None else None
        return found.origin if found is not None else "command line"

    return _judged(values, name, origin)


def wrong_with(name: str, found: Found) -> str | None:
    """Say what is wrong with a profile; one with a defaults list is left to the experiments that can read it."""
    if "defaults" in found.values:
        return None
    try:
        _judged(_resolved(name, found), name, lambda _: found.origin)
    except ConfigError as error:
        return str(error)
    return None


def _resolved(name: str, found: Found) -> dict[str, Any]:
    values, problems = resolved(found.values, lambda _: found.origin)
    if problems:
        raise ConfigError(f"the profile {name}", problems)
    return values


def _judged(values: Mapping[str, Any], name: str | None, origin: Origin) -> Profile:
    judged = judge_profile(values, Composed({}, {}, {}, {}, (), origin), name)
    if isinstance(judged, list):
        raise ConfigError(f"the profile {name}" if name is not None else "the profile", judged)
    return judged


def user_directory() -> Path:
    """Name the directory of the user's own profiles."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "typedxp" / "profiles"


def home_of(name: str | None, point: Composed) -> Origin:
    """Return what tells where a field of a profile was set: ``name`` is that of the profile, if it has one."""

    def origin(key: Key) -> str:
        where = point.origin(key)
        if where != "default":
            return where
        if name is None:
            return "command line"
        found = find_profiles().get(name)
        return found.origin if found is not None else f"{GROUP}={name}"

    return origin


def judge_profile(values: Mapping[str, Any], point: Composed, name: str | None = None) -> Profile | list[Problem]:
    """Judge what was composed for a profile; ``name`` is the option that was chosen, if one was.

    What its scheduler cannot express is a problem, too.
    """
    origin = home_of(name, point)
    # What is unset is as if nobody had set it.
    values = {key: value for key, value in values.items() if value is not None}
    if text := values.get(_UNREADABLE):
        return [Problem(f"{GROUP}={name}", "", origin((*_PLACE, _UNREADABLE)), str(text))]
    place = (*_PLACE, "scheduler")
    scheduler = values.get("scheduler")
    if scheduler is None:
        # What it does set tells where a YAML file of the project is.
        places = [origin((*_PLACE, field)) for field in (*values, "scheduler")]
        where = next((each for each in places if each != "command line"), "command line")
        return [Problem(".".join(place), "", where, _no_scheduler(name))]
    try:
        model = get_scheduler(str(scheduler)).profile
    except ProfileError as error:
        return [Problem(".".join(place), shown(scheduler), origin(place), str(error))]
    judged = judge_settings(model, values, replace(point, origin=origin), _PLACE)
    if isinstance(judged, list):
        return [_meant(problem, model) for problem in judged]
    profile: Profile = judged
    try:
        profile.check()
    except ProfileError as error:
        return [Problem(".".join(_PLACE), "", origin(place), str(error))]
    return profile


def _no_scheduler(name: str | None) -> str:
    known = f"one of {', '.join(scheduler_names())}"
    if name is not None:
        return f"The profile does not say for which scheduler it is: write the line `scheduler: NAME`, with {known}."
    return (
        f"There is no profile yet. Choose one by xp/profile=NAME: {', '.join(sorted(find_profiles()))}.\n"
        f"Or give xp.profile.scheduler=NAME, with {known}."
    )


def _meant(problem: Problem, model: type[Profile]) -> Problem:
    """Say which field was probably meant by one that there is not."""
    if "Extra inputs" not in problem.message:
        return problem
    hint = nearest(problem.key.removeprefix("xp.profile."), model.model_fields)
    scheduler = model.model_fields["scheduler"].default
    message = f"There is no such setting for {scheduler}. {hint} Native options go into `directives`."
    return Problem(problem.key, problem.value, problem.origin, message)


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
    text = "It has a defaults list, which only an experiment reads: python train.py xp/profile=NAME -n."
    return replace(found, values={**found.values, **_unreadable(text)})


def _of_python(value: Any) -> Found:
    """Take a profile that was registered: one that is made of a class means every character as it is."""
    plain = plain_profile(value)
    return Found("Python", plain if isinstance(value, Mapping) else literal(plain))


def _in_directory(place: Path, suffixes: Container[str] = (".yaml", ".yml")) -> Iterator[tuple[str, Found]]:
    """Yield the profiles of a directory; one that cannot be read is there, and refused when it is chosen."""
    try:
        files = sorted(file for file in place.iterdir() if file.suffix in suffixes)
    except OSError:
        return
    for file in files:
        yield file.stem, Found(str(file), _read(file))


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.load_typed(file.read_text("utf-8"))
        broken = incomplete(values)
    except RecursionError:
        return _unreadable("It cannot be read: something in it holds itself.")
    except OSError as error:
        return _unreadable(f"It cannot be read: {error.strerror or error}.")
    except ValueError as error:
        return _unreadable(f"It cannot be read: {_mistake(error)}.")
    if not isinstance(values, dict):
        return _unreadable("It holds no mapping of settings, such as `scheduler: slurm`.")
    if odd := [key for key in _keys(values) if not isinstance(key, str)]:
        return _unreadable(f"It cannot be read: the key {odd[0]!r} is no text; put it in quotes if it is meant so.")
    if broken:
        return _unreadable(f"It cannot be read: {broken[0]!r} is no complete reference.")
    return values


def _keys(tree: Any) -> Iterator[Any]:
    """Yield the keys of all mappings of a tree."""
    for key, value in tree.items() if isinstance(tree, dict) else ():
        yield key
        yield from _keys(value)
    for value in tree if isinstance(tree, list) else ():
        yield from _keys(value)


def _mistake(error: ValueError) -> str:
    """Say in one line what is wrong with YAML, and in which line it is."""
    cause = error.__cause__
    if (mark := getattr(cause, "problem_mark", None)) is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}: {getattr(cause, 'problem', '')}"


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
