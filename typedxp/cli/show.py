"""``typedxp show``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from typedxp.cli.options import json_option, store_option
from typedxp.cli.tables import print_table, show_short, show_time
from typedxp.runner.provenance import Provenance, read_provenance
from typedxp.store import yaml
from typedxp.store.directory import dump
from typedxp.store.store import Store
from typedxp.store.streams import spell
from typedxp.vocabulary.environment import EnvironmentDocument
from typedxp.vocabulary.records import Code
from typedxp.vocabulary.terminal import show as spelled

Rows = Iterator[tuple[str, Any]]


@click.command()
@click.argument("run", type=click.IntRange(min=1))
@store_option
@json_option
def show(run: int, store: Path, as_json: bool) -> None:
    """Show everything that is known of one RUN: what it was given, what it ran, where, and what came of it.

    With --json nothing is left out: the whole environment, the summary of every stream, the traceback.
    """
    opened = Store(store)
    directory = opened.run(run)
    found = read_provenance(opened, directory)
    if as_json:
        print(dump(spell(asdict(found))).decode(), end="")
        return
    print(f"Run {run} of {spelled(found.run.experiment.name)}: {found.status.status}")
    _section("what", _what(found))
    _section("config", ())
    print(_indented(yaml.dump(json.loads(dump(spell(found.config))))), end="")
    _section("code", _code(found.run.code))
    _section("environment", _environment(found))
    _section("data", ((name, _input(asdict(given))) for name, given in found.inputs.items()))
    _section("results", _results(found))
    _section("files", [("in", str(directory.path))])


def _section(title: str, rows: Any) -> None:
    known = [(f"  {spelled(name)}", _text(value)) for name, value in rows if value not in (None, "", (), [])]
    if known or title == "config":
        print(title)
    if known:
        print_table(known)


def _text(value: Any) -> str:
    return spelled(value) if isinstance(value, str) else show_short(value)


def _what(found: Provenance) -> Rows:
    record, status = found.run, found.status
    yield "point", " ".join(f"{key}={spelled(value)}" for key, value in record.point.items())
    yield "command", _printable(shlex.join(record.command))
    yield "in", record.cwd
    yield "planned", show_time(record.created)
    yield "started", status.start and show_time(status.start)
    yield "ended", status.end and show_time(status.end)
    yield "attempts", status.attempt
    yield "cause", _printable(status.cause or "")
    yield "job", status.job
    yield "tags", ", ".join(record.tags)
    yield "sweep", record.sweep
    yield "digest", record.digest
    yield "secrets", ", ".join(record.secrets)
    yield "repeats run", record.rerun_of


def _code(code: Code | None) -> Rows:
    if code is None:
        yield "kept", "nothing: it was not launched from a git repository"
        return
    yield "repository", code.root
    yield "remote", code.remote
    yield "script", code.script
    yield "branch", code.branch
    yield "commit", code.commit and code.commit + (", with changes" if code.dirty else "")
    for number, line in enumerate(code.changes):
        yield "changes" if number == 0 else "", _printable(line)
    yield "tree", code.tree
    yield "snapshot", code.snapshot


def _environment(found: Provenance) -> Rows:
    facts, document = found.run.environment, found.environment
    yield "host", found.status.host or facts.host
    yield "user", facts.user
    yield "platform", facts.platform
    yield "python", f"{facts.python}, {facts.executable}"
    yield "typedxp", facts.typedxp
    if document is not None:
        yield from _machine(document)
    yield "document", found.status.environment or facts.document


def _machine(document: EnvironmentDocument) -> Rows:
    machine = document.machine
    yield "CPU", machine.cpu and f"{machine.cpu}, {machine.usable} of {machine.cores} cores"
    yield "memory", machine.memory and f"{machine.memory} GiB"
    yield "GPUs", ", ".join(machine.gpus) + (f", driver {machine.driver}" if machine.gpus and machine.driver else "")
    yield "container", machine.container
    yield "conda", document.conda
    yield "packages", len(document.distributions)
    for name, one in document.distributions.items():
        if one.editable:
            yield "editable", f"{name} {one.version}" + (f" at {one.commit}" if one.commit else "")
    for name, digest in document.locks.items():
        yield "lock file", f"{name}, sha256 {digest}"
    for name, value in document.variables.items():
        yield "variable", f"{name}={value}"


def _input(given: dict[str, Any]) -> str:
    files = f", {given['files']} files" if given["files"] is not None else ""
    return f"{given['path']}, {given['size']} bytes{files}, {given['algorithm']} {given['digest']}"


def _results(found: Provenance) -> Rows:
    status = found.status
    for name, stream in status.streams.items():
        yield f"metrics {name}", f"{stream.records} records"
    for kept in found.artifacts:
        yield f"artifact {kept.name}", f"{kept.kind}, {kept.size} bytes, sha256 {kept.sha256}"
    if status.usage is not None:
        yield "used", f"{status.usage.wall:.6g} s, at most {status.usage.peak_memory / 1e6:.0f} MB"
    if found.verification is not None:
        yield "verified", f"{found.verification.outcome}, {show_time(found.verification.verified)}"


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
