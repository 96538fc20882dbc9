"""Owns the ``typedxp`` command: its subcommands, and the one place where errors become messages."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence

import click

from typedxp.cli.bundle import bundle
from typedxp.cli.code import code
from typedxp.cli.diff import diff
from typedxp.cli.export import export
from typedxp.cli.fields import fields
from typedxp.cli.ls import ls
from typedxp.cli.pack import pack
from typedxp.cli.plot import plot
from typedxp.cli.schemas import schemas
from typedxp.cli.show import show
from typedxp.cli.status import status
from typedxp.cli.table import table
from typedxp.cli.trace import trace
from typedxp.errors import TypedxpError
from typedxp.vocabulary.version import VERSION


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="typedxp")
def typedxp() -> None:
    """Look at the runs of typed experiments."""


typedxp.add_command(ls)
typedxp.add_command(show)
typedxp.add_command(diff)
typedxp.add_command(fields)
typedxp.add_command(status)
typedxp.add_command(table)
typedxp.add_command(plot)
typedxp.add_command(pack)
typedxp.add_command(trace)
typedxp.add_command(schemas)
typedxp.add_command(export)
typedxp.add_command(code)
typedxp.add_command(bundle)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code: 0 done, 2 refused, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Bytes on a command line that are no text, and were recorded as such.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _tell
            typedxp.main(arguments, prog_name="typedxp", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TypedxpError as error:
        print(f"typedxp: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        # Whoever read our output, `head` for example, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _tell(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as errors are printed: where in our code it arose tells a user nothing."""
    print(f"typedxp: {message}", file=sys.stderr)
