"""Owns the points of a sweep: the product of its axes over the compositions that Hydra makes.

Hydra composes once per combination of group choices, which costs tens of milliseconds; values are put into copies of
the result, which costs microseconds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property, partial
from typing import Any

from typedxp.errors import ConfigError, Problem, nearest
from typedxp.stages.compose.assign import AssignmentError, assign, interpolated, resolve, without_missing
from typedxp.stages.compose.composer import Composer, Composition
from typedxp.stages.compose.mirror import groups
from typedxp.stages.compose.reading import Reader, is_hydras, is_setting
from typedxp.stages.compose.structure import hint, mismatched, unknown_keys
from typedxp.vocabulary.plan import REDACTED, Assignment, Composed, redact
from typedxp.vocabulary.schema import MISSING, Key, Model
from typedxp.vocabulary.tree import copy, get, leaves, literal, put, secrets_in, shown, split

_DEPTH = 8


@dataclass(frozen=True)
class Base:
    """What all points with the same group choices share.

    ``refers`` tells that a value refers to another one, ``incomplete`` that the schema has to fill in some.
    """

    composition: Composition
    values: dict[str, Any]
    problems: tuple[Problem, ...]
    refers: bool = False
    incomplete: bool = False


class Sweep:
    """The assignments of one command, over one composer."""

    def __init__(self, composer: Composer, assignments: Sequence[Assignment]) -> None:
        self.composer = composer
        self._bases: dict[tuple[tuple[str, ...], tuple[Key, ...]], Base] = {}
        self._reader = Reader(composer)
        self.assignments, self.problems = self._reader.read(assignments)
        """What was not refused at sight, and what was: the points are those of the other assignments."""

    @cached_property
    def axes(self) -> list[Assignment]:
        """The assignments with more than one value, in order."""
        return [item for item in self.assignments if item.sweep]

    @cached_property
    def settings(self) -> tuple[dict[str, Any], Composed]:
        """What is set under ``xp``, and the first point, which tells where it was set."""
        first = next(self._points([[item] for item in self.axes], first=True))
        return self._base(self._first).values["xp"], first

    def choice(self, group: str) -> str | None:
        """Name the option of a config group that the first point has by an assignment, if there is one."""
        chosen = [item for item in self._choosing if item.key == group]
        return str(self._first.get(chosen[-1].text, chosen[-1].values[0])) if chosen else None

    @cached_property
    def _first(self) -> Mapping[str, Any]:
        return {item.text: item.values[0] for item in self.axes}

    def first_tree(self) -> tuple[dict[str, Any], list[Problem]]:
        """Return the first point as composed: nothing resolved, nothing left out, ``xp`` included."""
        base = self._base(self._first)
        values = copy(base.values)
        problems = list(base.problems)
        for item in self._late:
            problems += self._assign(values, item, self._first.get(item.text, item.values[0]), base.composition)
        return values, problems

    def hydra_tree(self) -> dict[str, Any]:
        """Return what Hydra's own part of the config is for the first point."""
        return self.composer.hydra_tree(self._lines(self._first))

    def count(self, zipped: Sequence[Sequence[str]]) -> int:
        """Return how many points there are."""
        return math.prod(len(axes[0].values) for axes in self._reader.grouped(self.axes, zipped))

    def points(self, zipped: Sequence[Sequence[str]] = ()) -> Iterator[Composed]:
        """Yield every point, the last axis varying fastest; ``zipped`` axes vary together.

        Raises:
            PlanError: zipped axes are no axes of the sweep, or of different lengths.
        """
        return self._points(self._reader.grouped(self.axes, zipped))

    def _points(self, grouped: list[list[Assignment]], *, first: bool = False) -> Iterator[Composed]:
        choices = [list(zip(*(axis.values for axis in axes), strict=True)) for axes in grouped]
        names = [axis.text for axes in grouped for axis in axes]
        for combination in itertools.product(*choices):
            given = dict(zip(names, itertools.chain.from_iterable(combination), strict=True))
            yield self._point(given)
            if first:
                return

    def _point(self, given: Mapping[str, Any]) -> Composed:
        base = self._base(given)
        problems = list(base.problems)
        values = copy(base.values)
        refers = base.refers
        # Where Hydra refused, there is nothing to put values into.
        for item in self._late if base.values["xp"] else ():
            value = given.get(item.text, item.values[0])
            refers = refers or interpolated(value)
            problems += self._assign(values, item, value, base.composition)
        if self._delicate:
            problems += self._structure(values, base.composition)
        if refers:
            if interpolated(values, "${hydra:"):
                self.composer.prepare_references(self._lines(given))
            values, unresolved = self._resolve(values, base.composition)
            problems += unresolved
        values.pop("xp", None)
        return Composed(
            values=without_missing(values) if base.incomplete else values,
            swept={place: given[text] for place, text in self._places.items()},
            choices=base.composition.choices,
            members=base.composition.members,
            overrides=tuple(item.override(given[item.text]) if item.sweep else item.text for item in self.own),
            origin=lambda key: self._origin(base.composition, key),
            problems=tuple(self._without_secrets(problems, values)),
        )

    def _base(self, given: Mapping[str, Any]) -> Base:
        name = self._lines(given), self._nulls(given)
        if name not in self._bases:
            try:
                self._bases[name] = self._compose(*name)
            except ConfigError as error:
                self._bases[name] = Base(Composition({"xp": {}}, {}, {}, {}), {"xp": {}}, error.problems)
        return self._bases[name]

    def _compose(self, lines: tuple[str, ...], nulls: tuple[Key, ...]) -> Base:
        composition = self.composer.compose(lines)
        for _ in range(_DEPTH):
            # YAML that sets a discriminator means that member, with its own defaults, wherever nobody chose an option.
            wrong = mismatched(composition.values, composition.members)
            implied = [line for key, member in wrong for line in self._implied(composition, key, member)]
            if not implied:
                break
            composition = self.composer.compose((*lines, *implied))
        for key in nulls:
            composition = composition.without(key)
        values = copy(composition.values)
        problems = [
            problem for item in self._early for problem in self._assign(values, item, item.values[0], composition)
        ]
        problems += self._structure(values, composition)
        given = [values, *(value for item in self._late for value in item.values)]
        return Base(
            composition,
            values,
            tuple(problems),
            refers=interpolated(values),
            incomplete=self.composer.schema is not None and any(value == MISSING for _, value in leaves(given)),
        )

    def _implied(self, composition: Composition, key: Key, member: Model) -> list[str]:
        schema = self.composer.schema
        assert schema is not None
        assert member.tag is not None
        field = schema.find(key)
        tag = get(composition.values, (*key, member.tag[0]))
        wanted = next((model for model in field.models if model.tag and model.tag[1] == tag), None) if field else None
        if wanted is None:
            return []
        group = "/".join(key)
        if not any(item.key == group for item in self.assignments):
            return [f"{group}={wanted.name}"]
        if not composition.marks[*key, member.tag[0]].of(f"{group}/{composition.choices.get(group)}.yaml"):
            # What is chosen on the command line replaces what the YAML files choose.
            put(composition.values, (*key, member.tag[0]), member.tag[1])
        return []

    def _assign(self, values: dict[str, Any], item: Assignment, value: Any, composition: Composition) -> list[Problem]:
        schema, key = self.composer.schema, split(item.typed or item.key)
        spell = partial(schema.spelled, members=composition.members) if schema is not None else _as_it_is
        key = spell(key)
        try:
            plain = literal(value) if item.origin == "Python" else value
            assign(values, item, key, plain, schema, spell, groups=self.composer.group_names)
        except AssignmentError as error:
            inner = get(value, error.key[len(key) :], value) if error.key != key else value
            dotted = item.key if error.key == split(item.key) else ".".join(error.key)
            # What is wrong with a key is wrong with it whatever its value.
            return [Problem(dotted, "" if item.sweep else shown(inner), item.origin, str(error))]
        return []

    def _structure(self, values: dict[str, Any], composition: Composition) -> list[Problem]:
        """Name the keys that nobody declared, and the members of unions with another one's discriminator."""
        schema = self.composer.schema
        if schema is None:
            return []
        own = {name: value for name, value in values.items() if name != "xp"}
        found = [
            Problem(
                ".".join(key),
                shown(get(values, key)),
                self._origin(composition, key),
                f"There is no such key. {hint(key, schema, values)}".strip(),
            )
            for key in unknown_keys(own, [schema], composition.members)
        ]
        for key, member in mismatched(values, composition.members):
            assert member.tag is not None
            place = (*key, member.tag[0])
            message = self._which(key, get(values, place), composition)
            found.append(Problem(".".join(place), shown(get(values, place)), self._origin(composition, place), message))
        return found

    def _which(self, key: Key, tag: Any, composition: Composition) -> str:
        """Say what is wrong with a discriminator that is not the one of the option that was chosen."""
        group = "/".join(key)
        field = self.composer.schema.find(key) if self.composer.schema is not None else None
        names = {model.tag[1]: model.name for model in (field.models if field is not None else ()) if model.tag}
        if tag not in names:
            return f"There is no such option. {nearest(str(tag), map(str, names))}".strip()
        chosen = composition.choices.get(group)
        return f"The other values are those of {group}={chosen}. Choose the option itself, as in {group}={names[tag]}."

    def _resolve(self, values: dict[str, Any], composition: Composition) -> tuple[dict[str, Any], list[Problem]]:
        resolved, refused = resolve(values)
        problems = [
            Problem(".".join(key), shown(get(values, key)), self._origin(composition, key), message)
            for key, message in refused.items()
        ]
        return resolved, problems

    def _without_secrets(self, problems: list[Problem], values: Mapping[str, Any]) -> list[Problem]:
        if not problems or self.composer.schema is None or not self._secret_names:
            return problems
        secrets = {**self._typed_secrets, **secrets_in(values, self.composer.schema)}
        return [
            replace(
                problem,
                value=REDACTED if problem.value and self._names_secret(problem.key) else redact(problem.value, secrets),
                message=redact(problem.message, secrets),
            )
            for problem in problems
        ]

    @cached_property
    def _secret_names(self) -> frozenset[str]:
        schema = self.composer.schema
        fields = [field for _, field in schema.keys()] if schema is not None else []
        names = {name for field in fields if field.secret for name in (field.name, *field.aliases)}
        return frozenset(names.union(*(field.veiled for field in fields)))

    @cached_property
    def _typed_secrets(self) -> dict[str, str]:
        """The texts that were typed for what looks like the key of a secret, even if there is no such key."""
        typed = [(place, value) for item in self._values for place, value in leaves(list(item.values), split(item.key))]
        return {
            ".".join(place): str(getattr(value, "text", value))
            for place, value in typed
            if value not in (None, MISSING) and self._names_secret(".".join(place))
        }

    def _names_secret(self, dotted: str) -> bool:
        return any(get_close_matches(part, self._secret_names, 1, 0.75) for part in split(dotted))

    @cached_property
    def _values(self) -> list[Assignment]:
        return [item for item in self.assignments if not self._reader.is_choice(item) and not is_hydras(item.key)]

    @cached_property
    def _early(self) -> list[Assignment]:
        """The assignments that are the same for all points, and do not follow a swept one at the same place."""
        return [item for item in self._values if item not in self._late]

    @cached_property
    def _late(self) -> list[Assignment]:
        late: list[Assignment] = []
        for item in self._values:
            if item.sweep or any(_overlap(split(item.key), split(other.key)) for other in late):
                late.append(item)
        return late

    @cached_property
    def _delicate(self) -> bool:
        """Whether what is put in for each point may break the structure, and not only the values."""
        schema = self.composer.schema
        tags = {model.tag[0] for _, field in groups(schema) for model in field.models if model.tag} if schema else set()
        return any(
            item.verb != "set" or split(item.key)[-1] in tags or any(isinstance(value, dict) for value in item.values)
            for item in self._late
        )

    def _lines(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Write the overrides that Hydra gets for one point: choices of options."""
        chosen = [(item, given.get(item.text, item.values[0])) for item in self._choosing]
        return tuple(item.override(value) for item, value in chosen if value is not None or item.verb == "delete")

    def _nulls(self, given: Mapping[str, Any]) -> tuple[Key, ...]:
        """Name the config groups that hold nothing at one point, which is no choice that Hydra knows."""
        last = {item.key: given.get(item.text, item.values[0]) for item in self._choosing if item.verb != "delete"}
        return tuple(tuple(key.split("/")) for key, value in last.items() if value is None)

    @cached_property
    def _choosing(self) -> list[Assignment]:
        return [item for item in self.assignments if self._reader.is_choice(item)]

    @cached_property
    def _places(self) -> dict[Key, str]:
        """The swept keys, each with the text of its axis."""
        return {
            tuple(item.key.split("/")) if self._reader.is_choice(item) else split(item.key): item.text
            for item in self.axes
        }

    @cached_property
    def own(self) -> list[Assignment]:
        """The assignments that concern the experiment, and not the runner."""
        return [item for item in self.assignments if not is_setting(item.key)]

    def _origin(self, composition: Composition, key: Key) -> str:
        for item in reversed(self._values):
            if _overlap(split(item.key), key):
                return item.origin
        mark = composition.marks.get(key)
        return mark.place if mark is not None else "default"


def _as_it_is(key: Key) -> Key:
    return key


def _overlap(one: Key, other: Key) -> bool:
    depth = min(len(one), len(other))
    return one[:depth] == other[:depth]
