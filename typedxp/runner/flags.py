"""Owns the flags of an experiment's command line: Hydra's, and a few of ours."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COMPLETION = "install=SHELL, uninstall=SHELL or query=SHELL"


@dataclass(frozen=True)
class Flags:
    """What was typed after the name of the script, apart from the overrides."""

    overrides: tuple[str, ...]
    dry_run: bool = False
    yes: bool = False
    help: bool = False
    cfg: str | None = None
    resolve: bool = False
    package: str | None = None
    info: str | None = None
    completion: bool = False
    config_path: str | None = None
    config_name: str | None = None
    config_dir: Path | None = None


def parse_flags(arguments: Sequence[str], program: str) -> Flags:
    """Read a command line; flags and overrides may be mixed."""
    parsed = parser(program).parse_intermixed_args(list(arguments))
    overrides = list(parsed.overrides)
    if parsed.jobs is not None:
        overrides.append(f"xp.jobs={parsed.jobs}")
    return Flags(
        overrides=tuple(overrides),
        dry_run=parsed.dry_run,
        yes=parsed.yes,
        help=parsed.help,
        cfg=parsed.cfg,
        resolve=parsed.resolve,
        package=parsed.package,
        info=parsed.info,
        completion=parsed.shell_completion,
        config_path=parsed.config_path,
        config_name=parsed.config_name,
        config_dir=parsed.config_dir,
    )


def parser(program: str) -> argparse.ArgumentParser:
    """Make the parser of an experiment's flags."""
    made = argparse.ArgumentParser(prog=program, add_help=False, allow_abbrev=False)
    add = made.add_argument
    add("overrides", nargs="*", help="key=value, group=option, +key=value, ~key; a comma or range() sweeps")
    add("-h", "--help", action="store_true", help="show fields, config groups, settings and flags")
    add("-n", "--dry-run", action="store_true", help="show the plan as a table and write nothing")
    add("-j", "--jobs", metavar="N", help="run in N worker processes (xp.jobs=N)")
    add("-y", "--yes", action="store_true", help="do not ask before a large plan")
    add("-m", "--multirun", action="store_true", help="accepted for Hydra's sake: a comma sweeps with or without it")
    add("-c", "--cfg", choices=("job", "hydra", "all"), help="show the composed config and exit")
    add("--resolve", action="store_true", help="resolve interpolations in what --cfg shows")
    add("-p", "--package", help="show only this part of the config with --cfg")
    add(
        "-i",
        "--info",
        nargs="?",
        const="all",
        choices=("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
        help="show how the config is composed and exit",
    )
    add("-sc", "--shell-completion", action="store_true", help=f"shell completion: {COMPLETION}")
    add("-cp", "--config-path", metavar="DIR", help="directory of the YAML files, relative to the script")
    add("-cn", "--config-name", metavar="NAME", help="name of the primary YAML file")
    add("-cd", "--config-dir", metavar="DIR", type=Path, help="one more directory of YAML files")
    return made
