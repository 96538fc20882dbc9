"""Owns the judgement of cluster profiles: what they refer to is replaced, and all that is wrong with them is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from typedxp.errors import ConfigError, Problem, ProfileError, nearest
from typedxp.runner.profiles import GROUP, UNREADABLE, Found, find_profiles, profiles_from_here
from typedxp.schedulers.registry import get_scheduler, scheduler_names
from typedxp.schedulers.shell import local_shell
from typedxp.stages.compose.assign import interpolated, resolve
from typedxp.stages.validate.settings import judge_settings
from typedxp.vocabulary.plan import Composed, TypedFloat, TypedInt
from typedxp.vocabulary.schema import Key
from typedxp.vocabulary.tree import get, shown

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

_PLACE = ("xp", "profile")

Origin = Callable[[Key], str]
"""Tells where the value at a key comes from."""


def named_profile(name: str) -> dict[str, Any]:
    """Return what the profile of this name sets, as it is found from the working directory.

    Raises:
        ProfileError: there is none.
        ConfigError: it refers to something that there is not.
    """
    found = profiles_from_here()
    if name not in found:
        raise ProfileError(f"There is no profile {name!r}. {nearest(name, found)} To list them: typedxp profiles")
    values, problems = resolved(found[name].values, lambda _: found[name].origin)
    if problems:
        raise ConfigError(_title(name), problems)
    return values


def judge_named(values: Mapping[str, Any], name: str | None) -> Profile:
    """Judge a profile that no experiment was composed with; ``name`` is its own, if it has one.

    Raises:
        ConfigError: it is not valid.
    """

    def origin(_: Key) -> str:
        found = profiles_from_here().get(name) if name is not None else None
        return found.origin if found is not None else "command line"

    judged = judge_profile(values, Composed({}, {}, {}, {}, (), origin), name)
    if isinstance(judged, list):
        raise ConfigError(_title(name), judged)
    return judged


def wrong_with(name: str, found: Found) -> str | None:
    """Say what is wrong with a profile on whatever machine; one with a defaults list is left to its experiments."""
    if "defaults" in found.values:
        return None

    def origin(_: Key) -> str:
        return found.origin

    values, problems = resolved(found.values, origin)
    judged = problems or _as_written(values, Composed({}, {}, {}, {}, (), origin), name)
    return str(ConfigError(_title(name), judged)) if isinstance(judged, list) else None


def _title(name: str | None) -> str:
    return f"the profile {name}" if name is not None else "the profile"


def judge_profile(values: Mapping[str, Any], point: Composed, name: str | None = None) -> Profile | list[Problem]:
    """Judge what was composed for a profile; ``name`` is the option that was chosen, if one was.

    What its scheduler cannot express is a problem, too, and what it can never give here.
    """
    profile = _as_written(values, point, name)
    if isinstance(profile, list):
        return profile
    origin, plain = home_of(name, point), profile.plain()
    never = get_scheduler(profile.scheduler).impossible(profile, local_shell)
    return [
        Problem(f"xp.profile.{field}", shown(plain[field]) if field in plain else "", origin((*_PLACE, field)), why)
        for field, why in never
    ] or profile


def _as_written(values: Mapping[str, Any], point: Composed, name: str | None) -> Profile | list[Problem]:
    """Judge a profile without looking at what there is on this machine."""
    origin = home_of(name, point)
    unset = {key for key, value in values.items() if value is None}
    values = {key: value for key, value in values.items() if value is not None}
    if text := values.get(UNREADABLE):
        return [Problem(f"{GROUP}={name}", "", origin((*_PLACE, UNREADABLE)), str(text))]
    place = (*_PLACE, "scheduler")
    scheduler = values.get("scheduler")
    if scheduler is None:
        # What it does set tells where a YAML file of the project is.
        places = [origin((*_PLACE, field)) for field in (*values, "scheduler")]
        where = next((each for each in places if each != "command line"), "command line")
        return [Problem(".".join(place), "", where, _no_scheduler(name))]
    try:
        judge = get_scheduler(str(scheduler))
    except ProfileError as error:
        return [Problem(".".join(place), shown(scheduler), origin(place), str(error))]
    model = judge.profile
    # What is unset is as if nobody had set it, unless nobody could.
    values |= dict.fromkeys(unset - model.model_fields.keys())
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
