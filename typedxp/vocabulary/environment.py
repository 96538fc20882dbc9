"""Owns what is written down of the environment that runs are made in: interpreter, machine, packages, variables.

As with the records of runs, the classes are plain dataclasses whose field names are the keys in the file. Nothing in
them differs between runs of one launch, or between equal machines: runs share the document, named by its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from typedxp.vocabulary.records import FORMAT


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs the code. ``virtual`` says whether it is that of a virtual environment."""

    version: str
    implementation: str
    executable: str
    prefix: str
    virtual: bool


@dataclass(frozen=True)
class Machine:
    """The hardware, and the system on it.

    ``cores`` are those of the machine, ``usable`` those that the process may use. ``memory`` is in GiB, to one decimal.
    ``gpus`` are the models, ``driver`` is the version of NVIDIA's. ``container`` says in which one the process is, as
    in ``apptainer: /images/torch.sif``.
    """

    system: str
    kernel: str
    architecture: str
    libc: str | None
    cpu: str | None
    cores: int | None
    usable: int | None
    memory: float | None
    gpus: tuple[str, ...] = ()
    driver: str | None = None
    container: str | None = None


@dataclass(frozen=True)
class Distribution:
    """An installed package.

    ``origin`` is the URL that it was installed from, or the directory of an ``editable`` one, where it is known; of
    the git repository that this lies in, ``commit`` is the one checked out, and ``dirty`` says whether files differ.
    """

    version: str
    origin: str | None = None
    editable: bool = False
    commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True)
class EnvironmentDocument:
    """The content of documents/DIGEST.json, of an environment.

    ``distributions`` are the installed packages by name, ``conda`` is the name of the environment of conda, ``locks``
    maps the lock files beside the code to their SHA-256, and ``variables`` are the environment variables
    whose names match the ``patterns`` of ``xp.env``, without secrets.
    """

    format: int = field(default=FORMAT, kw_only=True)
    interpreter: Interpreter
    machine: Machine
    distributions: Mapping[str, Distribution]
    conda: str | None = None
    locks: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()
