"""Owns the spelling of config.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

# PyYAML follows YAML 1.1, others YAML 1.2 or OmegaConf: a string is quoted if any of them would read something else.
_AMBIGUOUS = re.compile(
    r"[-+]?[0-9_.:]*[0-9][0-9_.:]*([eE][-+]?[0-9]+)?|0[xob][0-9a-fA-F_]+|[-+]?\.?(inf|nan|infinity)"
    r"|y|n|yes|no|on|off|true|false|null|~",
    re.IGNORECASE,
)


def dump(values: Mapping[str, Any]) -> str:
    """Write plain ``values`` as YAML that every version of YAML, and OmegaConf, reads back as the same values."""
    import yaml

    return yaml.dump(dict(values), Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=120)


def load(text: str) -> Any:
    """Read what :func:`dump` wrote.

    Raises:
        ValueError: it is not YAML.
    """
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


_dumpers: list[type[yaml.SafeDumper]] = []


def _dumper() -> type[yaml.SafeDumper]:
    if not _dumpers:
        import yaml

        class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # a class chosen at run time
            """Plain YAML with ambiguous strings in quotes, and no anchors for values that happen to be shared."""

            def ignore_aliases(self, data: Any) -> bool:
                return True

        Dumper.add_representer(str, _represent_text)
        _dumpers.append(Dumper)
    return _dumpers[0]


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _AMBIGUOUS.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
