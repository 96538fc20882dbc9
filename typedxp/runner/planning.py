"""Owns the way from what a user typed to a plan: compose, validate, plan. Nothing is written on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.conditions import Condition, ConditionError
from typedxp.errors import ConfigError, PlanError, Problem
from typedxp.runner.judging import as_typed, home_of, judge_profile, resolved
from typedxp.runner.profiles import find_profiles
from typedxp.stages.compose.composer import PROFILE, Composer
from typedxp.stages.compose.reading import is_setting
from typedxp.stages.compose.sweep import Sweep
from typedxp.stages.declare.declaration import Declaration
from typedxp.stages.declare.instances import members_of, values_of
from typedxp.stages.declare.registry import options_for
from typedxp.stages.plan import check_condition, make_plan, satisfies
from typedxp.stages.validate.judge import Judge
from typedxp.stages.validate.settings import judge_settings
from typedxp.vocabulary.plan import Assignment, Composed, Judged, Plan, redact, spell
from typedxp.vocabulary.tree import split

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile
    from typedxp.vocabulary.settings import Settings

ENDLESS = 100_000
"""The number of points from which on a condition that leaves few of them does not spare the question."""

Confirm = Callable[[int, int], None]
"""Is asked before a plan of more runs than ``xp.max_runs``: it gets both numbers, and raises to refuse."""


@dataclass(frozen=True)
class Launch:
    """What is to be done: a plan, and the settings it goes by."""

    declaration: Declaration
    plan: Plan
    settings: Settings
    profile: Profile | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether the runs are executed by other processes than this one."""
        return self.settings.jobs is not None or self.profile is not None


def make_composer(
    declaration: Declaration, directory: Path | None, config_name: str | None, more: Sequence[Path] = ()
) -> Composer:
    """Put together what a declaration composes from.

    Raises:
        DeclarationError: the schema, or an option that was registered for it, cannot be used.
    """
    from typedxp.vocabulary.settings import Settings

    return Composer(
        name=declaration.name,
        schema=declaration.schema,
        settings=Settings().model_dump(mode="json"),
        directory=directory,
        config_name=config_name,
        more_directories=more,
        options=options_for(declaration.schema),
        profiles={name: found.values for name, found in find_profiles().items()},
    )


def plan(
    declaration: Declaration,
    composer: Composer,
    assignments: Sequence[Assignment],
    confirm: Confirm,
    problems: Sequence[Problem] = (),
) -> Launch:
    """Compose and judge every point of a sweep, and put the valid ones in order. Nothing is written.

    ``problems`` are those of overrides that could not even be read: they are reported with all others.

    Raises:
        ConfigError: values that were refused, all of them.
        PlanError: the sweep as a whole was refused.
    """
    sweep = Sweep(composer, assignments)
    settings, profile, refused = _settings(sweep)
    problems = [*(_hidden(declaration, problem) for problem in problems), *sweep.problems, *refused]
    if settings.resume is not None and not problems:
        if others := [item.text for item in sweep.own]:
            raise PlanError(f"xp.resume goes on with runs as they were planned: leave out {' '.join(others)}.")
        if profile is not None:
            raise PlanError("xp.resume goes on here: leave out xp/profile. To submit runs again: typedxp retry.")
        return Launch(declaration, Plan(()), settings)
    count = sweep.count(settings.zip)
    condition = _condition(settings.where)
    if count > settings.max_runs and (condition is None or count > ENDLESS):
        confirm(count, settings.max_runs)
    made = _judge_all(declaration, sweep.points(settings.zip), condition, count, problems)
    if condition is not None and settings.max_runs < len(made.runs) and count <= ENDLESS:
        confirm(len(made.runs), settings.max_runs)
    return Launch(declaration, made, settings, profile)


def plan_config(declaration: Declaration, config: Any, settings: Settings) -> Launch:
    """Plan the run of one config that was made in Python.

    Raises:
        ConfigError: it is not valid, or not an instance of the schema.
    """
    if declaration.schema is None or type(config) is not declaration.type:
        problem = Problem("", repr(config), "Python", f"An instance of {declaration.type} is wanted.")
        raise ConfigError(declaration.name, [problem])
    members = dict(members_of(config, declaration.schema))
    unions = {key: model for key, model in members.items() if (field := declaration.schema.find(key)) and field.union}
    point = Composed(
        values=values_of(config, declaration.schema),
        swept={},
        choices={"/".join(key): model.name for key, model in unions.items()},
        members=members,
        overrides=(),
        origin=lambda _: "Python",
    )
    profile = judge_profile(settings.profile, point) if settings.profile is not None else None
    problems = profile if isinstance(profile, list) else []
    made = _judge_all(declaration, [point], None, 1, problems)
    return Launch(declaration, made, settings, None if isinstance(profile, list) else profile)


def _hidden(declaration: Declaration, problem: Problem) -> Problem:
    """Hide the value of an override that could not be read, if it is meant for a secret."""
    key, _, value = problem.value.partition("=")
    field = declaration.schema.find(split(key.lstrip("+~"))) if declaration.schema is not None else None
    if field is None or not field.secret or not value:
        return problem
    hide = {key: value}
    return replace(problem, value=redact(problem.value, hide), message=redact(problem.message, hide))


def _settings(sweep: Sweep) -> tuple[Settings, Profile | None, list[Problem]]:
    """Judge what is set under ``xp``; settings that are refused leave the defaults, so that planning can go on."""
    from typedxp.vocabulary.settings import Settings

    composed, first = sweep.settings
    values, problems = _resolved(composed, first)
    settings = judge_settings(Settings, values, first)
    problems += settings if isinstance(settings, list) else []
    profile = _profile(sweep, values.get("profile"), first)
    if isinstance(profile, list):
        # That it is no mapping at all is told with the settings.
        problems += profile
    elif profile is not None and values.get("jobs") is not None:
        advice = "The scheduler executes the runs of a profile: leave out the one or the other (xp.jobs=null)."
        problems.append(Problem("xp.jobs", str(values["jobs"]), first.origin(("xp", "jobs")), advice))
    good = Settings() if isinstance(settings, list) else settings
    return good, None if isinstance(profile, list) else profile, problems


def _resolved(values: Mapping[str, Any], first: Composed) -> tuple[dict[str, Any], list[Problem]]:
    """Replace what settings refer to; those that refer to nothing are left out. A profile is resolved on its own."""
    found, problems = resolved({**values, "profile": None}, first.origin, ("xp",))
    wrong = {split(problem.key)[1] for problem in problems}
    good = {name: value for name, value in found.items() if name not in wrong}
    return {**good, "profile": values.get("profile")}, problems


def _profile(sweep: Sweep, values: Any, first: Composed) -> Profile | list[Problem] | None:
    """Judge the profile that was composed; None if there is none."""
    if not isinstance(values, dict):
        return None
    name = sweep.choice(PROFILE)
    if name is None and any(problem.key == PROFILE for problem in sweep.problems):
        # That it is not there is told; what was to be changed of it is not to blame.
        return None
    chosen, problems = resolved(as_typed(values), home_of(name, first))
    if problems:
        return problems
    return judge_profile(chosen, first, name)


def _condition(text: str | None) -> Condition | None:
    if text is None:
        return None
    try:
        condition = Condition.parse(text)
    except ConditionError as error:
        raise PlanError(f"xp.where: {error}") from error
    if not condition.keys:
        raise PlanError(f"xp.where: {text!r} speaks of no key, and would hold for all points or for none.")
    return condition


def _judge_all(
    declaration: Declaration,
    points: Iterable[Composed],
    condition: Condition | None,
    count: int,
    problems: Sequence[Problem],
) -> Plan:
    judge = Judge(declaration.type, declaration.schema, seeded=declaration.seed_with is not None)
    found: dict[Problem, int] = {}
    examples: dict[Problem, str] = {}
    valid: list[tuple[Composed, Judged]] = []
    excluded = 0
    for point in points:
        verdict = _verdict(judge, point)
        if condition is not None and not _kept(declaration, condition, point, verdict):
            excluded += 1
        elif isinstance(verdict, list):
            for problem in verdict:
                found[problem] = found.get(problem, 0) + 1
                examples.setdefault(problem, _example(point))
        else:
            valid.append((point, verdict))
    if found or problems:
        refused = [_key(problem) for problem in problems]
        counted = [
            problem if _concerns_all(problem, hits, count) else replace(problem, points=hits, example=examples[problem])
            for problem, hits in found.items()
            if not _follows(problem, refused)
        ]
        raise ConfigError(declaration.name, [*problems, *counted], count)
    if not valid:
        raise PlanError(f"xp.where: the condition holds for none of {count} points.")
    return make_plan(declaration.name, valid, excluded)


def _verdict(judge: Judge, point: Composed) -> Judged | list[Problem]:
    """Judge a point, and add what is wrong with its structure; what could not be composed cannot be judged."""
    if not point.problems:
        return judge.judge(point)
    verdict = judge.judge(point) if point.values else []
    known = {problem.key for problem in point.problems}
    others = [problem for problem in verdict if problem.key not in known] if isinstance(verdict, list) else []
    return [*point.problems, *others]


def _concerns_all(problem: Problem, hits: int, count: int) -> bool:
    """Whether a problem has nothing to do with the points: one of the settings, or of what all are composed from."""
    return is_setting(problem.key) or (not problem.key and hits == count)


def _follows(problem: Problem, refused: Sequence[str]) -> bool:
    """Whether a problem may only be there because its own value, or an option above it, was refused."""
    return any(problem.key == key or problem.key.startswith(f"{key}.") for key in refused if key)


def _key(problem: Problem) -> str:
    """Return the dotted key that a problem is about, also where the override could not be read."""
    return (problem.key or problem.value.partition("=")[0].lstrip("+~")).replace("/", ".")


def _example(point: Composed) -> str:
    return " ".join(f"{'.'.join(key)}={spell(value)}" for key, value in point.swept.items())


def _kept(declaration: Declaration, condition: Condition, point: Composed, verdict: Judged | list[Problem]) -> bool:
    values: Mapping[str, Any] = point.values if isinstance(verdict, list) else verdict.values
    check_condition(condition, declaration.schema, values)
    try:
        return satisfies(condition, point, values)
    except ConditionError as error:
        if isinstance(verdict, list):
            # Values that are wrong are reported as such.
            return True
        raise PlanError(f"xp.where: {error}") from error
