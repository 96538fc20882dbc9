"""``typedxp profiles``."""

from __future__ import annotations

import click

from typedxp.cli.options import json_option
from typedxp.cli.tables import print_table
from typedxp.runner.checking import check_profile
from typedxp.runner.judging import wrong_with
from typedxp.runner.profiles import Found, profiles_from_here
from typedxp.store.directory import dump
from typedxp.vocabulary.telling import tell


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def profiles(context: click.Context, *, as_json: bool) -> None:
    """List the profiles: name, scheduler, where each comes from, and what it takes over.

    A profile is a YAML file: of the project, in xp/profile/ of its config directory (looked for from here), in
    ~/.config/typedxp/profiles or in /etc/typedxp/profiles. Those that Python registers are known to their experiment.
    """
    if context.invoked_subcommand is not None:
        return
    found = sorted(profiles_from_here().items())
    wrong = {name: wrong_with(name, one) for name, one in found}
    if as_json:
        print(dump([_plain(name, one, wrong[name]) for name, one in found]).decode(), end="")
        return
    print_table([_row(name, one) for name, one in found])
    for text in filter(None, wrong.values()):
        tell(text)


def _plain(name: str, found: Found, wrong: str | None) -> dict[str, object]:
    return {
        "name": name,
        "values": found.readable,
        "origin": found.origin,
        "hidden": found.hidden,
        "problem": wrong,
    }


def _row(name: str, found: Found) -> tuple[str, str, str, str]:
    hidden = f"takes over {', '.join(found.hidden)}" if found.hidden else ""
    return name, str(found.values.get("scheduler", "?")), found.origin, hidden


@profiles.command()
@click.argument("name")
def check(name: str) -> None:
    """Check the profile NAME: write the script of a small array, and let the scheduler test it where it can."""
    print(check_profile(name, print))
