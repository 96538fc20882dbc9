"""Owns the ``typedxp`` command: its subcommands, and the one place where errors become messages."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import click

from typedxp.errors import TypedxpError
from typedxp.vocabulary.printing import printing
from typedxp.vocabulary.telling import tell
from typedxp.vocabulary.version import VERSION

COMMANDS: Mapping[str, str] = {
    "ls": "List the runs of a store.",
    "show": "Show what made a run, and what came of it.",
    "diff": "Show in what runs differ.",
    "fields": "List what conditions, columns and sorting can speak of.",
    "status": "Show where runs stand.",
    "logs": "Show what a run has printed.",
    "cancel": "Cancel queued and running jobs.",
    "hold": "Keep queued jobs from starting.",
    "release": "Let held jobs start.",
    "retry": "Submit runs again that did not complete.",
    "submit": "Submit the sweeps of a job script.",
    "profiles": "List and check the profiles of clusters.",
    "table": "Make a table of a metric: means and their spread.",
    "plot": "Draw a metric: the mean and a band around it.",
    "pack": "Write the runs of a store into one file for others.",
    "trace": "Say which runs, and which versions of the code, made a file.",
    "rerun": "Make new runs of old ones, from their snapshots and configs.",
    "verify": "Repeat runs, and compare what they recorded.",
    "code": "Get the files of a run's snapshot.",
    "bundle": "Put runs, with all that made them, into one archive.",
    "gc": "Remove checkouts and snapshots that nothing needs any more.",
    "schemas": "Write the JSON Schemas of the files of a run.",
    "export": "Write finished runs into the store of another system.",
}
"""The subcommands, each in the module of its name, and what they are for: so that helping loads none of them."""


class _ClosedError(Exception):
    """Nobody reads any more what is printed."""


@contextmanager
def _closing() -> Iterator[None]:
    """Keep from click that nobody reads any more: it would exit as if something had failed."""
    try:
        yield
    except BrokenPipeError as error:
        raise _ClosedError from error


class _Commands(click.Group):
    """Loads a subcommand when it is asked for."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments; help is printed here."""
        with _closing():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Execute the subcommand."""
        with _closing():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Return the names, those that are used most often first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Return a subcommand, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"typedxp.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """List the subcommands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="typedxp")
def typedxp() -> None:
    """Look at the runs of typed experiments."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code: 0 done, 1 not as it should be, 2 refused, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Bytes on a command line that are no text, and were recorded as such.
        sys.stdout.reconfigure(errors="backslashreplace")
    return printing(partial(_answered, arguments))


def _answered(arguments: Sequence[str] | None) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code = typedxp.main(arguments, prog_name="typedxp", standalone_mode=False)
    except _ClosedError as closed:
        raise BrokenPipeError from closed
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TypedxpError as error:
        tell(error)
        return 2
    except (KeyboardInterrupt, click.Abort):
        return 130
    # Few commands have anything to say by it.
    return code or 0


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as errors are printed: where in our code it arose tells a user nothing."""
    tell(message)
