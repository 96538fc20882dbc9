"""``typedxp profiles``."""

from __future__ import annotations

import click

from typedxp.cli.tables import print_table
from typedxp.runner.checking import check_profile
from typedxp.runner.profiles import find_profiles


@click.group(invoke_without_command=True)
@click.pass_context
def profiles(context: click.Context) -> None:
    """List the profiles: name, scheduler, where each comes from. The YAML files of projects have more.

    A profile is a YAML file in ~/.config/typedxp/profiles or /etc/typedxp/profiles, one of the project in xp/profile/
    of its config directory, or registered in Python.
    """
    if context.invoked_subcommand is None:
        rows = [
            (name, str(found.values.get("scheduler", "?")), found.origin) for name, found in find_profiles().items()
        ]
        print_table(sorted(rows))


@profiles.command()
@click.argument("name")
def check(name: str) -> None:
    """Check the profile NAME: write the script of a small array, and let the scheduler test it where it can."""
    script, said = check_profile(name)
    print(script, end="")
    print(f"\n{said}")
