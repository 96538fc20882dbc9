"""Owns where values came from: YAML files, with the line and the text of every scalar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.stages.compose.grammar import typed
from typedxp.vocabulary.schema import Key
from typedxp.vocabulary.tree import get, put, split

if TYPE_CHECKING:
    import yaml


@dataclass(frozen=True)
class Mark:
    """The place of a value in a YAML file, and how it was typed: None for what is no scalar."""

    place: str
    text: str | None

    def of(self, file: str) -> bool:
        """Whether the value is in a file whose path ends in ``file``."""
        return self.place.rpartition(":")[0].endswith(file)


@dataclass(frozen=True)
class Source:
    """One YAML file that took part in a composition, under the package it was put in."""

    path: Path
    package: str

    def marks(self) -> dict[Key, Mark]:
        """Return the place of every value of the file, by its key in the composed config."""
        import yaml

        with self.path.open(encoding="utf-8") as file:
            root = yaml.compose(file, Loader=yaml.SafeLoader)
        return dict(_walk(root, split(self.package), _shown(self.path)))


def marks(sources: Sequence[Source]) -> Mapping[Key, Mark]:
    """Return the place of every value that YAML files gave; later files win."""
    found: dict[Key, Mark] = {}
    for source in sources:
        found |= source.marks()
    return found


def remember_texts(tree: dict[str, Any], found: Mapping[Key, Mark]) -> None:
    """Let the numbers of ``tree`` that come from YAML files remember how they were typed."""
    for key, mark in found.items():
        value = get(tree, key)
        if mark.text is not None and type(value) in (int, float) and _read(mark.text) == value:
            put(tree, key, typed(value, mark.text))


@lru_cache(10_000)
def _read(text: str) -> Any:
    """Return the value of a scalar; a sweep over config groups asks for the same ones again and again."""
    import yaml

    return yaml.load(text, Loader=_yaml_loader())  # noqa: S506 - a safe one


@cache
def _yaml_loader() -> Any:
    # OmegaConf's own safe loader, a class that it makes anew each time.
    from omegaconf._utils import get_yaml_loader

    return get_yaml_loader()


def _walk(node: yaml.Node | None, prefix: Key, path: str) -> Iterator[tuple[Key, Mark]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and not (not prefix and key.value == "defaults"):
                yield from _walk(value, (*prefix, *split(key.value)), path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(value, (*prefix, str(index)), path)
    if node is not None and prefix:
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        yield prefix, Mark(f"{path}:{node.start_mark.line + 1}", node.value if plain else None)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
