"""Owns what Hydra leaves open in a composed config: which model each group holds, and the defaults of those models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typedxp.vocabulary.schema import MISSING, Field, Key, Model
from typedxp.vocabulary.tree import literal


@dataclass
class Completer:
    """Completes one composed config. ``options`` says which model an option of a group stands for.

    ``choices`` are the options that were chosen; ``members`` collects which model each field holds, where it is known.
    """

    options: Mapping[tuple[str, str], Model]
    choices: Mapping[str, str | None]
    members: dict[Key, Model] = field(default_factory=dict)

    def complete(self, values: dict[str, Any], model: Model, key: Key = ()) -> None:
        """Add the defaults of ``model`` to ``values``, and spell every key by its field's name."""
        names = {item.name for item in model.fields}
        for item in model.fields:
            for alias in item.aliases:
                if alias in values and alias not in names:
                    values[item.name] = values.pop(alias)
            if item.models:
                self._complete_model(values, item, (*key, item.name))
            else:
                values.setdefault(item.name, literal(item.default))

    def _complete_model(self, values: dict[str, Any], item: Field, key: Key) -> None:
        group = "/".join(key)
        if item.name not in values:
            values[item.name] = (
                None if group in self.choices and self.choices[group] is None and item.optional else MISSING
            )
        value = values[item.name]
        if not isinstance(value, dict):
            return
        member = self._member(item, group, value)
        if member is not None:
            self.members[key] = member
            self.complete(value, member, key)

    def _member(self, item: Field, group: str, value: dict[str, Any]) -> Model | None:
        """Find out which model the values of a field are meant for."""
        target = str(value.pop("_target_", "")).rpartition(".")[2]
        for word in ("_partial_", "_recursive_", "_convert_"):
            value.pop(word, None)
        by_option = self.options.get((group, self.choices.get(group) or ""))
        by_tag = next((m for m in item.models if m.tag and value.get(m.tag[0]) == m.tag[1]), None)
        by_target = next((m for m in item.models if m.type.__name__ == target), None)
        only = item.models[0] if len(item.models) == 1 else None
        member = by_option or by_tag or by_target or only
        if member is not None and member.tag is not None:
            value.setdefault(*member.tag)
        return member
