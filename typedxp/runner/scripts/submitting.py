"""Owns the submission of a script: it is executed here, and its experiments submit their sweeps instead of running."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from typedxp.errors import ConfigError, PlanError, SchedulerError
from typedxp.runner.judging import judge_profile
from typedxp.runner.scripts.prologue import OWN
from typedxp.runner.scripts.reading import DIALECTS, Described, Script, describe, kinds, read_script
from typedxp.runner.scripts.session import Entry, begin, finish
from typedxp.runner.scripts.tracing import Failed, failures
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import Command, Shell, local_shell
from typedxp.stages.execute.script import run_script
from typedxp.vocabulary.plan import Composed
from typedxp.vocabulary.telling import tell

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

_RIVALS = (
    ("queue", "partition"),
    ("account", "project"),
    ("mem", "mem_per_cpu", "mem_per_gpu"),
    ("gpus", "gres", "gpus_per_node", "gpus_per_socket", "gpus_per_task", "gpu"),
    ("cpus", "cpus_per_gpu"),
    ("after", "dependency"),
    ("warn", "signal", "s_rt", "checkpoint"),
    ("mail_on", "mail_type"),
)
"""Fields that mean the same: what the command line sets takes the place of what the script does."""


# Outside of quotes and comments.
_ENDS_A_WORD = re.compile(r"""^((?:[^#\n"'\\]|\\.|"[^"\n]*"|'[^'\n]*')+)(?<!\s)\\\n(?=[\w./@+~-]+=)""", re.MULTILINE)

_SRUN = re.compile(
    r"(?:[^#]*[;&|(]\s*|[^#]*\b(?:do|then|else|time|exec|nohup)\s+|(?:\w+=\S*\s+)+|\s*)srun\s.*(python|\.py\b|\\$)"
)


@dataclass(frozen=True)
class Submitting:
    """How a script is submitted: to which scheduler, with what fields of the profile changed, or not at all."""

    scheduler: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False


def submit_script(path: Path, how: Submitting, shell: Shell = local_shell) -> int:
    """Submit every sweep of a script; return the exit code: 0 all, 1 something failed, 2 something was refused.

    Raises:
        TypedxpError: the script, or the profile that it describes, was refused; nothing was executed.
    """
    script = read_script(path)
    described = _described(script, how, shell)
    _refuse(script, get_scheduler(described.scheduler).task)
    profile = _profile(script, described, how.overrides)
    for note in described.notes:
        tell(f"{path}: {note}")
    with TemporaryDirectory(prefix="typedxp-submit-") as made:
        directory = Path(made)
        try:
            code = _execute(script, described, profile, directory, how)
        except KeyboardInterrupt:
            _summarize(finish(directory), [], how)
            tell("interrupted. What was not submitted: typedxp retry")
            return 130
        entries, failed = finish(directory), failures(directory / "failed")
    _summarize(entries, failed, how)
    return _exit_code(path, entries, failed, code)


def _refuse(script: Script, task: str) -> None:
    """Refuse what would be executed here, but cannot mean here what it does in a job."""
    uses = re.compile(rf"(?!\s*(#|(echo|printf|export)\s)).*(?<!\\)\$({task}\b|\{{{task}\}}|\(\([^)]*\b{task}\b)")
    for number, line in enumerate(script.lines, start=1):
        place = f"{script.path}:{number}"
        if uses.match(line):
            raise PlanError(
                f"{place} uses {task}, but every sweep is an array of its own here. "
                "Write the values that it stands for into the command, as in seed=1,2,3."
            )
        if _SRUN.match(line):
            raise PlanError(
                f"{place} starts the experiment by srun, which would wait here for nodes. Leave that out. "
                "What stands before the program in the job is container of the profile, as in container=[srun]"
            )
        if re.match(r"\s*trap\s.*\bDEBUG\b", line):
            raise PlanError(f"{place} sets a trap for DEBUG, by which the script is followed: leave it out.")


def _described(script: Script, how: Submitting, shell: Shell) -> Described:
    """Find the scheduler that a script is for, and read its lines."""
    scheduler = how.scheduler or _scheduler(script, shell)
    if scheduler in DIALECTS:
        return describe(script, DIALECTS[scheduler])
    return Described(get_scheduler(scheduler).name)


def _scheduler(script: Script, shell: Shell) -> str:
    found = kinds(script)
    names = {each.scheduler for each in DIALECTS.values() if any(prefix in found for prefix in each.prefixes)}
    if not names:
        prefixes = ", ".join(dict.fromkeys(prefix for each in DIALECTS.values() for prefix in each.prefixes))
        raise PlanError(
            f"{script.path} has no directives ({prefixes}) before its first command: name the scheduler by --scheduler."
        )
    if names == {"pbs", "torque"}:
        return _pbs_or_torque(shell)
    if len(names) > 1:
        places = "; ".join(f"{prefix} in line {numbers[0]}" for prefix, numbers in found.items())
        raise PlanError(
            f"{script.path} has directives for several schedulers: {places}. Say which counts by --scheduler."
        )
    return names.pop()


def _pbs_or_torque(shell: Shell) -> str:
    """Ask qstat, or else pbsnodes, which of the two is installed: both have their lines begin with #PBS."""
    for command in ("qstat", "pbsnodes"):
        try:
            reply = shell(Command((command, "--version")))
        except SchedulerError:
            continue
        said = f"{reply.out}\n{reply.err}"
        if re.search(r"pbs_version|PBSPro|OpenPBS", said):
            return "pbs"
        if re.search(r"^\s*version:|torque", said, re.IGNORECASE | re.MULTILINE):
            return "torque"
    raise PlanError("#PBS is for PBS and for TORQUE, and qstat does not say which is here: --scheduler pbs, or torque.")


def _profile(script: Script, described: Described, overrides: Mapping[str, Any]) -> Profile:
    rivals = {name for group in _RIVALS if overrides.keys() & group for name in group}
    values = {name: value for name, value in described.values.items() if name not in rivals - overrides.keys()}
    values = {"scheduler": described.scheduler, **values, **overrides}

    def origin(key: tuple[str, ...]) -> str:
        name = key[2] if len(key) > 2 else ""
        if name in overrides:
            return "command line"
        return f"{script.path}:{described.lines[name]}" if name in described.lines else str(script.path)

    judged = judge_profile(values, Composed({}, {}, {}, {}, (), origin))
    if isinstance(judged, list):
        raise ConfigError(f"the profile of {script.path}", judged)
    return judged


def _execute(script: Script, described: Described, profile: Profile, directory: Path, how: Submitting) -> int:
    path = _as_meant(script, described.rest, directory)
    # What is no bash is told before half of it has been submitted.
    reply = local_shell(Command(("bash", "-n", "-O", "extglob", str(path))))
    if reply.code:
        said = reply.err.strip().removeprefix(f"{path}: ").partition("\n")[0]
        raise PlanError(f"{script.path} is no script that bash can read: {said}")
    variables = begin(directory, str(script.path), script.lines, profile, dry_run=how.dry_run)
    if "BASH_ENV" in os.environ:
        variables[OWN] = os.environ["BASH_ENV"]
    home = DIALECTS[described.scheduler].home if described.scheduler in DIALECTS else ()
    environment = {**os.environ, **variables, **dict.fromkeys(home, str(Path.cwd()))}
    start = Path.cwd() / (described.directory or "")
    return run_script(["bash", *script.options, str(path)], start, environment)


def _as_meant(script: Script, rest: Collection[int], directory: Path) -> Path:
    r"""Return the script to execute: it itself, but where a line ends as ``lr=1,2\`` and the next begins ``seed=``.

    To bash that is one word, which nobody means; so a copy has a blank there. Nor are the lines ``rest``, by which
    directives go on, commands; and what is no file can be read only once.
    """
    text = "\n".join(f"# {line}" if number in rest else line for number, line in enumerate(script.lines, start=1))
    meant = _ENDS_A_WORD.sub("\\1 \\\\\n", text)
    if meant != text:
        tell(f"{script.path}: a line that ends with a backslash is taken to end a word, too.")
    if meant == "\n".join(script.lines) and script.path.is_file():
        return script.path.absolute()
    copy = directory / script.path.name
    copy.write_text(meant)
    return copy


def _summarize(entries: Sequence[Entry], failed: Sequence[Failed], how: Submitting) -> None:
    for each in dict.fromkeys(failed):
        tell(f"line {each.line} failed with exit code {each.code}: {each.command}")
    sweeps = [entry for entry in entries if entry.runs]
    runs, jobs = sum(entry.runs for entry in sweeps), sum(entry.jobs for entry in sweeps)
    left = sum(entry.duplicates for entry in entries)
    again = f"; {_count(left, 'point')} left out that came twice" if left else ""
    if how.dry_run:
        tell(f"{_count(runs, 'run')} of {_count(len(sweeps), 'sweep')} would be submitted{again}. Nothing was.")
    elif entries:
        tell(f"submitted {_count(runs, 'run')} of {_count(len(sweeps), 'sweep')} as {_count(jobs, 'job')}{again}.")
    if refused := sum(entry.code == 2 for entry in entries):
        tell(f"{_count(refused, 'command')} refused: see above.")


def _exit_code(path: Path, entries: Sequence[Entry], failed: Sequence[Failed], code: int) -> int:
    if not entries:
        raise PlanError(
            f"{path} has submitted nothing: no experiment was started in it by its `main()`."
            + (f" It ended with exit code {code}." if code else "")
        )
    if any(entry.code == 2 for entry in entries):
        return 2
    return 1 if failed or code or any(entry.code for entry in entries) else 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
