"""Owns where cluster profiles come from, and their judgement.

From far to near: the names of the schedulers themselves, the site's directory, the user's, what Python has registered,
and the YAML files in ``xp/profile/`` of the project, which Hydra finds. The nearest of a name is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.errors import Problem, ProfileError, nearest
from typedxp.schedulers.registry import OURS, get_scheduler
from typedxp.stages.declare.registry import registered
from typedxp.stages.validate.settings import judge_settings
from typedxp.store import yaml
from typedxp.vocabulary.plan import Composed

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

GROUP = "xp/profile"
SITE = Path("/etc/typedxp/profiles")

_UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Found:
    """A profile that has a name: plain values, and where they come from."""

    origin: str
    values: Mapping[str, Any]


def find_profiles() -> dict[str, Found]:
    """Return all profiles but those of the project's YAML files, by name, the nearest of each name."""
    found = {name: Found("typedxp", {"scheduler": name}) for name in OURS}
    for place in (SITE, user_directory()):
        found |= dict(_in_directory(place))
    for name, value in registered(GROUP).items():
        found[name] = Found("Python", _plain(value))
    return found


def named_profile(name: str) -> dict[str, Any]:
    """Return what the profile of this name sets, wherever but in the project's YAML files.

    Raises:
        ProfileError: there is none.
    """
    found = find_profiles()
    if name not in found:
        raise ProfileError(f"There is no profile {name!r}. {nearest(name, found)} To list them: typedxp profiles")
    return dict(found[name].values)


def user_directory() -> Path:
    """Name the directory of the user's own profiles."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "typedxp" / "profiles"


def judge_profile(values: Mapping[str, Any], point: Composed, name: str | None = None) -> Profile | list[Problem]:
    """Judge what was composed for a profile; ``name`` is the option that was chosen, if one was.

    What its scheduler cannot express is a problem, too.
    """
    found = find_profiles().get(name or "")
    home = found.origin if found is not None else f"xp/profile={name}"

    def origin(key: tuple[str, ...]) -> str:
        where = point.origin(key)
        return where if where != "default" else home

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


def _in_directory(place: Path) -> Iterator[tuple[str, Found]]:
    """Yield the profiles of a directory; one that cannot be read is there, and refused when it is chosen."""
    try:
        files = sorted(file for file in place.iterdir() if file.suffix in (".yaml", ".yml"))
    except OSError:
        return
    for file in files:
        try:
            values = yaml.load(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            values = {_UNREADABLE: f"{file} cannot be read: {error}"}
        if not isinstance(values, dict):
            values = {_UNREADABLE: f"{file} holds no mapping of settings."}
        yield file.stem, Found(str(file), values)


def _plain(value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    plain = getattr(value, "plain", None)
    if plain is None or isinstance(value, type):
        return {_UNREADABLE: f"It was registered as {value!r}, which is no profile."}
    values: Mapping[str, Any] = plain()
    return values
