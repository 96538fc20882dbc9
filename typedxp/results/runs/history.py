"""Owns reading runs of before a schema changed: by the names, and with the fields, that the newest schema has."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from typedxp.results.runs.table import Fact, Table
from typedxp.results.runs.tabulate import CHOICE, POINT
from typedxp.vocabulary.documented import DocumentedSchema
from typedxp.vocabulary.records import Label
from typedxp.vocabulary.schema import MISSING
from typedxp.vocabulary.tree import ABSENT, copy, get, split

SCHEMA = "schema"
"""The fact that names the schema of a run's config."""


class History:
    """The schemas that runs went by, in the order in which they first did."""

    def __init__(self, table: Table, documents: Mapping[str, DocumentedSchema]) -> None:
        known = [digest for digest in table.fact(SCHEMA).used if digest in documents]
        self._eras = {digest: era for era, digest in enumerate(known)}
        self._schemas = [documents[digest] for digest in known]
        newest = next((digest for digest in table.fact(SCHEMA).newest_first if digest in documents), None)
        self.newest = documents[newest] if newest is not None else DocumentedSchema({})

    def current(self, key: str) -> str:
        """Return what the newest schema calls a key: it may declare the old name as an alias."""
        place = ""
        for part in key.split("."):
            place = f"{place}.{part}" if place else part
            place = self._renamed.get(place, place)
        return place

    def describe(self, key: str) -> Label:
        """Return what the newest schema that has a key says about it."""
        for schema in (self.newest, *reversed(self._schemas)):
            if key in schema.fields:
                return Label(schema.fields[key][0].description, schema.fields[key][0].unit)
        return Label()

    def type_of(self, key: str) -> str:
        """Return the type of a field as the newest schema spells it, nothing if that has no such field."""
        return self.newest.fields[key][0].type if key in self.newest.fields else ""

    @cached_property
    def removed(self) -> tuple[str, ...]:
        """The keys that some schema had, and the newest one has not, by no name; those in what was removed included."""
        keys = dict.fromkeys(self.current(key) for schema in self._schemas for key in schema.fields)
        return tuple(key for key in keys if key not in self.newest.fields)

    def changes(self) -> str:
        """Say in words how the schemas differ."""
        renamed = [f"{old} is called {new}" for old, new in self._renamed.items() if self._was_there(old)]
        added = [f"{key} was added" for key in self._introduced if key in self.newest.fields]
        removed = [f"{key} was removed" for key in self.removed]
        changes = [*renamed, *added, *removed]
        return ", ".join(changes[:5]) + (f", and {len(changes) - 5} more changes" if len(changes) > 5 else "")

    def _was_there(self, key: str) -> bool:
        return any(key in schema.fields for schema in self._schemas)

    def renew(self, table: Table) -> Table:
        """Return the table with the facts of keys by their newest names."""
        renamed: dict[str, Fact] = {}
        for name, fact in table.facts.items():
            beginning = next((known for known in (POINT, CHOICE) if name.startswith(known)), None)
            newest = name if beginning is None else beginning + self.current(name.removeprefix(beginning))
            renamed[newest] = _either(renamed[newest], fact) if newest in renamed else fact
        return Table(table.ids, table.stamps, renamed, table.streams)

    def renew_config(self, config: dict[str, Any], schema: str | None, choices: Mapping[str, Any]) -> dict[str, Any]:
        """Return a config by the newest names, with the fields that were added since, which have their first default.

        That is what the run went by if a field was added so as to change nothing. ``schema`` is the one of the run.
        """
        renewed = self._rename(config, "") if self._renamed else copy(config) if self._introduced else config
        for key, (era, schema_then) in self._introduced.items():
            if self._eras.get(schema or "", -1) < era and get(renewed, split(key), ABSENT) is ABSENT:
                field = schema_then.field(key, choices)
                fits = field is not None and all(choices.get(place) == name for place, name in field.members.items())
                if field is not None and fits and field.default != MISSING:
                    _add(renewed, key, field.default)
        return renewed

    @cached_property
    def _renamed(self) -> dict[str, str]:
        """The old names of fields, each in what is called by its newest name."""
        renamed = {}
        for key, fields in self.newest.fields.items():
            above = key.rpartition(".")[0]
            for alias in (alias for field in fields for alias in field.aliases):
                old = f"{above}.{alias}" if above else alias
                if old not in self.newest.fields:
                    renamed[old] = key
        return renamed

    @cached_property
    def _introduced(self) -> dict[str, tuple[int, DocumentedSchema]]:
        """The first schema that has each key, by its newest name, and when that came up; the first of all is left out.

        What runs without a schema lack, they lack for another reason.
        """
        first: dict[str, tuple[int, DocumentedSchema]] = {}
        for era, schema in enumerate(self._schemas):
            for key in schema.fields:
                first.setdefault(self.current(key), (era, schema))
        return {key: found for key, found in first.items() if found[0] > 0}

    def _rename(self, tree: Any, above: str) -> Any:
        if not isinstance(tree, dict):
            return tree
        renamed = {}
        for name, value in tree.items():
            place = self.current(f"{above}.{name}" if above else str(name))
            renamed[place.rpartition(".")[2] if place != name else name] = self._rename(value, place)
        return renamed


def _add(config: dict[str, Any], key: str, value: Any) -> None:
    """Add a value to the mapping above it, if there is one."""
    *above, name = split(key)
    if isinstance(parent := get(config, tuple(above), ABSENT), dict):
        parent[name] = value


def _either(first: Fact, second: Fact) -> Fact:
    return Fact.of(one if one is not ABSENT else other for one, other in zip(first, second, strict=True))
