"""Owns reading the YAML that other tools write: plain values, whatever the tags say that they should be made into."""

from __future__ import annotations

from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from typedxp.errors import ResultsError
from typedxp.store.files import reason

if TYPE_CHECKING:
    import yaml

_NOT_PLAIN = ("binary", "timestamp", "set", "omap", "pairs")
_PATHS = "tag:yaml.org,2002:python/object/apply:pathlib."
_TUPLE = "tag:yaml.org,2002:python/tuple"


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    A value with a tag is never made into what the tag names: a path becomes text, a tuple a list, anything else the
    text that stands there.

    Raises:
        ResultsError: the file cannot be read, or holds something else.
    """
    value = read_yaml(path)
    if not isinstance(value, dict):
        raise ResultsError(f"{path} is {'empty' if value is None else 'no mapping'}.")
    return value


def read_yaml(path: Path) -> Any:
    """Read a YAML file, as :func:`read_mapping` does.

    Raises:
        ResultsError: the file cannot be read, or is not YAML.
    """
    import yaml

    try:
        return yaml.load(path.read_bytes().decode(), Loader=_loader())  # noqa: S506 - it makes plain values only
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {reason(error)}.") from error
    except UnicodeDecodeError as error:
        raise ResultsError(f"{path} is not UTF-8.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ResultsError(f"{path} is not YAML: {' '.join(str(error).split())}") from error


@cache
def _loader() -> type[yaml.SafeLoader]:
    import yaml

    # That of libyaml is ten times as fast, where PyYAML was built with it.
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: type[yaml.SafeLoader] = type("Loader", (base,), {})
    for name in _NOT_PLAIN:
        loader.add_constructor(f"tag:yaml.org,2002:{name}", _construct_text)
    loader.add_multi_constructor("", _construct_tagged)
    return loader


def _construct_tagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    """Make a plain value of a node, whose tag says that it is something else."""
    import yaml

    if isinstance(node, yaml.SequenceNode) and tag == _TUPLE:
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.SequenceNode) and tag.startswith(_PATHS):
        return str(PurePosixPath(*map(str, loader.construct_sequence(node, deep=True))))
    return _construct_text(loader, node)


def _construct_text(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return str(node.value) or node.tag.rpartition(":")[2]
    if isinstance(node, yaml.SequenceNode):
        return str(loader.construct_sequence(node, deep=True))
    return str(loader.construct_mapping(node, deep=True)) if isinstance(node, yaml.MappingNode) else str(node)
