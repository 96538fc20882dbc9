"""Owns the files that several runs of a store share: the schemas of their configs, and their environments.

Each is named by its content, and is there once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace as with_changes
from pathlib import Path
from typing import Any, TypeVar

from typedxp.errors import StoreError
from typedxp.store.directory import dump, load
from typedxp.store.files import replace
from typedxp.store.streams import spell, unspell
from typedxp.store.whole import known
from typedxp.vocabulary.documented import DocumentedField, DocumentedSchema
from typedxp.vocabulary.environment import Distribution, EnvironmentDocument, Interpreter, Machine

DocumentT = TypeVar("DocumentT")

_NAME = re.compile(r"[0-9a-f]{16}\.json")


def write(directory: Path, document: DocumentedSchema | EnvironmentDocument) -> str:
    """Keep a document, unless it is there; return the digest that names it: the first 16 digits of its SHA-256.

    Others may write the same at this time: it appears whole, and is the same.

    Raises:
        OSError: it cannot be written.
    """
    import hashlib

    data = dump(_spelt(document) if isinstance(document, DocumentedSchema) else document)
    digest = hashlib.sha256(data).hexdigest()[:16]
    path = directory / f"{digest}.json"
    # What a crash of the machine left of it is made good.
    if not path.exists() or path.read_bytes() != data:
        directory.mkdir(exist_ok=True)
        replace(path, data)
    return digest


def read_schema(directory: Path, digest: str) -> DocumentedSchema:
    """Return the schema that a digest names.

    Raises:
        StoreError: it is missing, damaged, or of a later format than this version knows.
    """
    return _read(directory, digest, _schema)


def read_environment(directory: Path, digest: str) -> EnvironmentDocument:
    """Return the environment that a digest names.

    Raises:
        StoreError: it is missing, damaged, or of a later format than this version knows.
    """
    return _read(directory, digest, _environment)


def files(directory: Path) -> list[Path]:
    """Return the documents that are there; other files are left alone."""
    return [path for path in directory.iterdir() if _NAME.fullmatch(path.name)] if directory.is_dir() else []


def _read(directory: Path, digest: str, make: Callable[[Mapping[str, Any]], DocumentT]) -> DocumentT:
    path = directory / f"{digest}.json"
    try:
        return make(load(path))
    except FileNotFoundError as error:
        raise StoreError(f"There is no {path}.") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged: {error!r}.") from error


def _spelt(document: DocumentedSchema) -> DocumentedSchema:
    fields = {
        key: tuple(with_changes(item, default=spell(item.default)) for item in found)
        for key, found in document.fields.items()
    }
    return with_changes(document, fields=fields)


def _schema(raw: Mapping[str, Any]) -> DocumentedSchema:
    return DocumentedSchema({key: tuple(map(_field, found)) for key, found in raw["fields"].items()})


def _field(raw: Mapping[str, Any]) -> DocumentedField:
    return DocumentedField(
        **known(DocumentedField, raw) | {"default": unspell(raw["default"]), "aliases": tuple(raw["aliases"])}
    )


def _environment(raw: Mapping[str, Any]) -> EnvironmentDocument:
    machine = raw["machine"]
    return EnvironmentDocument(
        **known(EnvironmentDocument, raw)
        | {
            "patterns": tuple(raw.get("patterns", ())),
            "interpreter": Interpreter(**known(Interpreter, raw["interpreter"])),
            "machine": Machine(**known(Machine, machine) | {"gpus": tuple(machine.get("gpus", ()))}),
            "distributions": {
                name: Distribution(**known(Distribution, one)) for name, one in raw["distributions"].items()
            },
        }
    )
