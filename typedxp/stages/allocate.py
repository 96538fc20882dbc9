"""Owns the step from a plan to directories: every run gets its id, its record and its config."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.documented import document
from typedxp.vocabulary.environment import EnvironmentDocument
from typedxp.vocabulary.inputs import InputRecord
from typedxp.vocabulary.metrics import Declared
from typedxp.vocabulary.plan import Plan, redact
from typedxp.vocabulary.records import Code, Environment, ExperimentRef, Label, Recording, RunRecord, RunStatus
from typedxp.vocabulary.schema import Model
from typedxp.vocabulary.version import VERSION


@dataclass(frozen=True)
class Origin:
    """What all runs of one launch have in common."""

    experiment: ExperimentRef
    schema: Model | None
    metrics: Declared
    code: Code | None
    recording: Recording
    command: Sequence[str]
    tags: tuple[str, ...] = ()
    checkout: str | None = None
    environment: EnvironmentDocument | None = None
    inputs: Sequence[Mapping[str, InputRecord]] = ()
    """The data that the config of each run names, in the order of the plan; none if it is empty."""
    submitted: bool = False
    """Whether the runs are for a scheduler, and not for this process or its workers."""


def allocate(store: Store, plan: Plan, origin: Origin) -> list[RunDirectory]:
    """Take an id for every run of the plan, and write down what it will be; secrets are left out.

    Raises:
        StoreError: the store cannot be written, for example because the disk is full; nothing is left behind.
    """
    inputs = origin.inputs or [{}] * len(plan.runs)
    sweep = os.urandom(6).hex()
    created = now()
    cwd = str(Path.cwd())
    first = RunStatus.SUBMITTED if origin.submitted else RunStatus.PLANNED
    documented = document(origin.schema) if origin.schema is not None else None
    with store.allocating(len(plan.runs)) as directories:
        # Before the runs that go by it.
        schema = store.write_document(documented) if documented is not None else None
        described = store.write_document(origin.environment) if origin.environment is not None else None
        environment = replace(this_environment(), document=described)
        for directory, spec, read in zip(directories, plan.runs, inputs, strict=True):
            secrets = spec.judged.secrets
            record = RunRecord(
                id=directory.id,
                sweep=sweep,
                experiment=origin.experiment,
                digest=spec.digest,
                point=spec.point,
                choices=spec.choices,
                members=spec.members,
                secrets=tuple(secrets),
                labels=_labels(origin.schema, tuple(spec.point)),
                overrides=tuple(redact(text, secrets) for text in spec.overrides),
                command=tuple(redact(text, secrets) for text in origin.command),
                cwd=cwd,
                created=created,
                environment=environment,
                code=origin.code,
                checkout=origin.checkout,
                recording=origin.recording,
                metrics=origin.metrics,
                tags=origin.tags,
                schema=schema,
                inputs=read,
            )
            directory.write_plan(record, spec.judged.values, first)
    return directories


def _labels(schema: Model | None, keys: Sequence[str]) -> dict[str, Label]:
    fields = {key: schema.find(tuple(key.split("."))) for key in keys} if schema is not None else {}
    return {key: Label(field.description, field.unit) for key, field in fields.items() if field is not None}


def this_environment() -> Environment:
    """Tell the machine and the versions of this process."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a number that no name belongs to.
        user = str(os.getuid())
    # Not platform.platform(), which starts a process to learn less.
    system = os.uname()
    version = ".".join(map(str, sys.version_info[:3]))
    place = f"{system.sysname}-{system.release}-{system.machine}"
    return Environment(system.nodename, user, place, version, sys.executable, VERSION)
