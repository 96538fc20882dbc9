"""Owns what assignments mean over a composer: choices of options or values, axes that vary together, and refusals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from typedxp.errors import PlanError, Problem, nearest
from typedxp.stages.compose.composer import PROFILE, Composer
from typedxp.stages.compose.mirror import groups
from typedxp.vocabulary.plan import Assignment
from typedxp.vocabulary.tree import shown, split

SEARCHPATH = "hydra.searchpath"

_PROFILE = PROFILE.replace("/", ".")


class Reader:
    """Reads assignments over a composer."""

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._groups: dict[str, bool] = {}

    def read(self, items: Sequence[Assignment]) -> tuple[list[Assignment], list[Problem]]:
        """Return the assignments in the words of the schema, and what is wrong with those that are left out."""
        for item in items:
            if item.key == SEARCHPATH and not item.sweep and isinstance(item.values[0], list):
                self._composer.search(list(map(str, item.values[0])))
        spelled = [self._by_option(self._spelled(item), items) for item in items]
        refused = {item.text: problems for item in spelled if (problems := list(self._refused(item, spelled)))}
        accepted = [item for item in spelled if item.text not in refused]
        return accepted, [problem for problems in refused.values() for problem in problems]

    def is_choice(self, item: Assignment) -> bool:
        """Whether an assignment chooses an option of a config group; a mapping is merged into the group's values."""
        if item.key not in self._groups:
            # Hydra looks through all its sources, which is nothing to be done for each point.
            self._groups[item.key] = self._composer.is_group(item.key)
        return self._groups[item.key] and not any(isinstance(value, dict) for value in item.values)

    def grouped(self, axes: Sequence[Assignment], zipped: Sequence[Sequence[str]]) -> list[list[Assignment]]:
        """Bundle the axes that vary together, at the place of the first of them.

        Raises:
            PlanError: zipped axes are no axes of the sweep, or of different lengths.
        """
        by_key = {item.key: item for item in axes}
        bundles: dict[str, list[Assignment]] = {}
        for typed in zipped:
            keys = [self._key(key) for key in typed]
            _check_bundle(keys, by_key, bundles)
            bundle = [by_key[key] for key in keys]
            bundles |= {key: bundle for key in keys}  # noqa: C420 - all share it, which is meant
        grouped: list[list[Assignment]] = []
        for item in axes:
            bundle = bundles.get(item.key, [item])
            if bundle not in grouped:
                grouped.append(bundle)
        return grouped

    def _key(self, key: str) -> str:
        """Spell a key by the names of the fields, where it has an alias."""
        schema = self._composer.schema
        own = "/" in key or is_hydras(key) or is_setting(key)
        return key if schema is None or own else ".".join(schema.spelled(split(key)))

    def _spelled(self, item: Assignment) -> Assignment:
        if item.key.startswith(f"{_PROFILE}."):
            # A profile need not say everything that can be said.
            return replace(item, verb="force") if item.verb == "set" else item
        if item.key == _PROFILE and not any(isinstance(value, dict) for value in item.values):
            return replace(item, key=PROFILE)
        if self._composer.schema is None:
            # Without one, what has dots is a value, as it is for Hydra.
            return item
        spelled = replace(item, key=self._key(item.key), typed=item.key)
        # `model.encoder=cnn` chooses an option as `model/encoder=cnn` does: no value of a group is plain text.
        group = replace(spelled, key=spelled.key.replace(".", "/"))
        return group if "." in item.key and not is_setting(item.key) and self.is_choice(group) else spelled

    def _by_option(self, item: Assignment, items: Sequence[Assignment]) -> Assignment:
        """Read ``optimizer.kind=adam`` as ``optimizer=adam``: that member, with its own defaults."""
        for key, field in groups(self._composer.schema) if self._composer.schema else ():
            tags = {model.tag[1]: model.name for model in field.models if model.tag}
            tag = next((model.tag[0] for model in field.models if model.tag), None)
            group = "/".join(key)
            if tag is None or split(item.key) != (*key, tag) or any(other.key == group for other in items):
                continue
            known = all(not isinstance(value, list | dict) and value in tags for value in item.values)
            if item.verb in ("set", "force") and known:
                return replace(
                    item, verb="set", key=group, typed="", values=tuple(tags[value] for value in item.values)
                )
        return item

    def _refused(self, item: Assignment, items: Sequence[Assignment]) -> Iterator[Problem]:
        if is_hydras(item.key) and item.key != SEARCHPATH:
            advice = "Hydra only composes here. Where and how runs go is set under xp: see --help."
            yield Problem(item.key, "", item.origin, advice)
        elif item.key == "xp" and not all(isinstance(value, dict) for value in item.values):
            yield Problem(
                item.key, "", item.origin, "These are the runner's own settings: set one of them, as in xp.jobs=2."
            )
        elif item.key.startswith("xp/") and not self._composer.is_group(item.key):
            known = [PROFILE, *(f"xp.{name}" for name in self._composer.settings)]
            yield Problem(
                item.key,
                shown(item.values[0]),
                item.origin,
                f"There is no such config group. {nearest(item.key, known)}",
            )
        elif item.sweep and (is_hydras(item.key) or is_setting(item.key)):
            yield Problem(item.key, "", item.origin, "This cannot be swept: it is the same for all runs.")
        elif sum(other.key == item.key and other.sweep for other in items) > 1:
            yield Problem(item.key, "", item.origin, "This is swept twice: put all values into one override.")
        elif self.is_choice(item) and item.verb != "delete":
            yield from self._unknown_options(item)

    def _unknown_options(self, item: Assignment) -> Iterator[Problem]:
        options = self._composer.group_options(item.key)
        schema = self._composer.schema
        field = schema.find(tuple(item.key.split("/"))) if schema is not None else None
        if None in item.values and field is not None and not field.optional:
            yield Problem(item.key, "null", item.origin, f"It cannot be null. {nearest('null', options)}")
        for value in item.values:
            for option in value if isinstance(value, list) else [value]:
                name = str(option).removesuffix(".yaml")
                if option is not None and name not in options:
                    # Where a job goes is no matter of spelling only: all places are named.
                    every = [f"Known: {', '.join(sorted(options))}."] if item.key == PROFILE else []
                    hints = dict.fromkeys([nearest(name, options), *every])
                    message = f"There is no such option. {' '.join(hints)}"
                    yield Problem(item.key, shown(value), item.origin, message)


def is_setting(key: str) -> bool:
    """Whether a key is one of the runner's own."""
    return key == "xp" or key.startswith(("xp.", "xp/"))


def is_hydras(key: str) -> bool:
    """Whether a key is one of Hydra's own."""
    return key == "hydra" or key.startswith(("hydra.", "hydra/"))


def _check_bundle(keys: Sequence[str], by_key: dict[str, Assignment], bundles: dict[str, list[Assignment]]) -> None:
    for key in keys:
        if key not in by_key:
            raise PlanError(f"xp.zip: {key} is not swept. {nearest(key, by_key)}".strip())
        if key in bundles:
            raise PlanError(f"xp.zip: {key} is in two groups.")
    lengths = {key: len(by_key[key].values) for key in keys}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        raise PlanError(f"xp.zip: the keys need as many values each, but {counts}.")
