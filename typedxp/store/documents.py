"""Owns the files that several runs of a store share: what the schemas of their configs say, named by content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace as with_changes
from pathlib import Path
from typing import Any

from typedxp.errors import StoreError
from typedxp.store.directory import dump, load, spell, unspell
from typedxp.store.files import replace
from typedxp.store.whole import fields_of
from typedxp.vocabulary.documented import DocumentedField, DocumentedSchema

_NAME = re.compile(r"[0-9a-f]{16}\.json")


def write(directory: Path, document: DocumentedSchema) -> str:
    """Keep a document, unless it is there; return the digest that names it: the first 16 digits of its SHA-256.

    Others may write the same at this time: it appears whole, and is the same.

    Raises:
        OSError: it cannot be written.
    """
    import hashlib

    data = dump(
        with_changes(document, fields={key: tuple(map(_spelt, found)) for key, found in document.fields.items()})
    )
    digest = hashlib.sha256(data).hexdigest()[:16]
    path = directory / f"{digest}.json"
    # What a crash of the machine left of it is made good.
    if not path.exists() or path.read_bytes() != data:
        directory.mkdir(exist_ok=True)
        replace(path, data)
    return digest


def read(directory: Path, digest: str) -> DocumentedSchema:
    """Return the document that a digest names.

    Raises:
        StoreError: it is missing, damaged, or of a later format than this version knows.
    """
    path = directory / f"{digest}.json"
    try:
        raw = load(path)
        return DocumentedSchema({key: tuple(map(_field, found)) for key, found in raw["fields"].items()})
    except FileNotFoundError as error:
        raise StoreError(f"There is no {path}.") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged: {error!r}.") from error


def files(directory: Path) -> list[Path]:
    """Return the documents that are there; other files are left alone."""
    return [path for path in directory.iterdir() if _NAME.fullmatch(path.name)] if directory.is_dir() else []


def _spelt(field: DocumentedField) -> DocumentedField:
    return with_changes(field, default=spell(field.default))


def _field(raw: Mapping[str, Any]) -> DocumentedField:
    return DocumentedField(
        **fields_of(DocumentedField, raw) | {"default": unspell(raw["default"]), "aliases": tuple(raw["aliases"])}
    )
