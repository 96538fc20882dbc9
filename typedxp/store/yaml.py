"""Owns the spelling of config.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

# PyYAML follows YAML 1.1, others YAML 1.2 or OmegaConf: a string is quoted if any of them would read something else.
_AMBIGUOUS = re.compile(
    r"[-+]?[0-9_.:]+([eE][-+]?[0-9_]*)?|[-+]?0[xob][0-9a-fA-F_]*|[-+]?\.?(inf|nan|infinity)"
    r"|y|n|yes|no|on|off|true|false|null|~",
    re.IGNORECASE,
)


def dump(values: Mapping[str, Any]) -> str:
    """Write plain ``values`` as YAML that every version of YAML, and OmegaConf, reads back as the same values."""
    import yaml

    for dumper in _dumpers():
        with suppress(UnicodeEncodeError):
            return yaml.dump(dict(values), Dumper=dumper, sort_keys=False, allow_unicode=True, width=120)
    raise AssertionError("The dumper written in Python escapes what is no text.")


def load(text: str) -> Any:
    """Read what :func:`dump` wrote.

    Raises:
        ValueError: it is not YAML.
    """
    import yaml

    try:
        try:
            return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
        except (yaml.YAMLError, UnicodeEncodeError):
            # libyaml refuses lone surrogates, which Python's own loader takes.
            return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def load_typed(text: str) -> Any:
    """Read what somebody has typed: ``12:00:00`` and ``0123`` are text, though YAML 1.1 has numbers like that.

    Raises:
        ValueError: it is not YAML.
    """
    import yaml

    try:
        return yaml.load(text, Loader=_typed_loader())  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


@cache
def _typed_loader() -> type[yaml.SafeLoader]:
    import yaml

    class Loader(yaml.SafeLoader):
        """Numbers are decimal, and there are no dates."""

    numbers = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in numbers]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    begins = list("-+.0123456789")
    Loader.add_implicit_resolver(numbers[0], re.compile("[-+]?(0|[1-9][0-9]*)$"), begins)
    Loader.add_implicit_resolver(numbers[1], re.compile(r"[-+]?[0-9]*\.[0-9]+$"), begins)
    return Loader


@cache
def _dumpers() -> tuple[type[yaml.SafeDumper], ...]:
    """Make the fast dumper of libyaml, and Python's own, which escapes lone surrogates."""
    import yaml

    return tuple(_make_dumper(base) for base in (getattr(yaml, "CSafeDumper", yaml.SafeDumper), yaml.SafeDumper))


def _make_dumper(base: type[yaml.SafeDumper]) -> type[yaml.SafeDumper]:
    class Dumper(base):  # type: ignore[misc, valid-type]  # a class chosen at run time
        """Plain YAML with ambiguous strings in quotes, and no anchors for values that happen to be shared."""

        def ignore_aliases(self, _: Any) -> bool:
            return True

    Dumper.add_representer(str, _represent_text)
    return Dumper


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _AMBIGUOUS.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
