"""Owns what a job script may ask for: its ``#LOCAL`` lines, and the same options on the command line."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction, Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from typedxp.errors import SchedulerError
from typedxp.schedulers.queue.machine import cpus, gpu_ids, same_words
from typedxp.schedulers.queue.words import Options

PREFIX = "#LOCAL"
_CLOCK = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


class OptionError(SchedulerError):
    """Options make no sense, or ask for what there is not: a line for each, which begins with its name if known."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message[0].upper()}{message[1:]}.")


def read_options(
    script: Path, text: str, words: Sequence[str], environment: Mapping[str, str], known: Callable[[int], object]
) -> Options:
    """Read what a script asks for; ``words`` of the command line overrule its lines.

    ``known`` returns the job of a number, or None.

    Raises:
        OptionError: some are not known, have no such values, or ask for more than there is.
    """
    found, wrong = _parse(_lines(text), words)
    if not wrong and found.warn is not None and (found.time is None or found.warn >= found.time):
        wrong.append("--warn must be less than --time.")
    ids = _gpu_ids(found, environment)
    wrong += _too_much(found, ids, known)
    if wrong:
        raise OptionError("\n".join(wrong))
    return Options(
        name=found.name or script.name,
        output=found.output or "local-%n.log",
        slots=found.slots or cpus(),
        array=found.array[0] if found.array else None,
        parallel=found.array[1] if found.array else None,
        cpus=found.cpus,
        gpus=found.gpus,
        gpu_ids=ids,
        time=found.time,
        warn=found.warn,
        grace=found.grace,
        requeue=found.requeue,
        hold=found.hold,
        after=found.after,
    )


def output_path(options: Options, directory: str, name: str) -> Path:
    """Name the file of what an element prints: %n stands for the name of the element, %% for %."""
    text = re.sub("%[n%]", lambda match: name if match[0] == "%n" else "%", options.output)
    return Path(directory, text)


def _lines(text: str) -> Iterator[str]:
    """Yield the options of the lines before the first command."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            break
        if re.match(rf"{PREFIX}\s", line):
            yield line.removeprefix(PREFIX).strip()


def _parse(lines: Iterable[str], words: Sequence[str]) -> tuple[Namespace, list[str]]:
    """Read options line by line, the ``words`` last; return them, and what is wrong with each that cannot be read."""
    parser, found, wrong = _parser(), Namespace(), []
    for line in [*lines, shlex.join(words)]:
        try:
            parser.parse_args(shlex.split(line), found)
        except ValueError as error:
            wrong.append(f"{PREFIX} {line}: {error}.")
        except OptionError as error:
            wrong.append(str(error))
    return found, wrong


def _parser() -> _Parser:
    parser = _Parser(prog="submit", add_help=False, allow_abbrev=False)
    parser.add_argument("--name")
    parser.add_argument("--output")
    parser.add_argument("--array", type=_array)
    parser.add_argument("--slots", type=_count)
    parser.add_argument("--cpus", type=_count)
    parser.add_argument("--gpus", type=_number)
    parser.add_argument("--gpu-ids", type=lambda text: tuple(text.split(",")))
    parser.add_argument("--time", type=_seconds)
    parser.add_argument("--warn", type=_seconds)
    parser.add_argument("--grace", type=_seconds, default=30.0)
    parser.add_argument("--after", type=_jobs, default=())
    parser.add_argument("--requeue", action=BooleanOptionalAction)
    parser.add_argument("--hold", action="store_true")
    return parser


def _gpu_ids(found: Namespace, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Name the GPUs to choose from, if some are asked for."""
    return tuple(dict.fromkeys(same_words(found.gpu_ids or gpu_ids(environment)))) if found.gpus else ()


def _too_much(found: Namespace, ids: Sequence[str], known: Callable[[int], object]) -> Iterator[str]:
    """Say what is asked for that there is not."""
    if found.cpus is not None and found.cpus > cpus():
        yield f"--cpus={found.cpus}: this machine has {cpus()} CPUs. Ask for no more."
    if len(ids) < (found.gpus or 0):
        there = f"only {', '.join(ids)}" if ids else "none that CUDA_VISIBLE_DEVICES or nvidia-smi tell of"
        advice = "Ask for no more, or name those that there are by --gpu-ids, as in --gpu-ids=0,1."
        yield f"--gpus={found.gpus}: there is {there}. {advice}"
    if unknown := [str(number) for number in found.after if known(number) is None]:
        advice = "To list those that it knows: python -m typedxp.schedulers.queue status"
        yield f"--after={','.join(unknown)}: the queue does not know such a job. {advice}"


def _array(text: str) -> tuple[tuple[int, ...], int | None]:
    """Read ``0-9``, ``3,7-9`` or ``0-99%4``."""
    span, _, throttle = text.partition("%")
    indices: list[int] = []
    for part in span.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ArgumentTypeError(f"{text!r} is no array such as 0-9, 3,7-9 or 0-99%4")
        indices += range(int(match[1]), int(match[2] or match[1]) + 1)
    if not indices:
        raise ArgumentTypeError(f"{text!r} has no elements")
    return tuple(dict.fromkeys(indices)), _count(throttle) if throttle else None


def _number(text: str) -> int:
    if not re.fullmatch(r"\d+", text, re.ASCII):
        raise ArgumentTypeError(f"{text!r} is no number")
    return int(text)


def _count(text: str) -> int:
    if (number := _number(text)) == 0:
        raise ArgumentTypeError("0 is too few")
    return number


def _jobs(text: str) -> tuple[int, ...]:
    return tuple(map(_number, text.split(",")))


def _seconds(text: str) -> float:
    """Read a number of seconds, or MM:SS, HH:MM:SS, D-HH:MM:SS."""
    if match := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    else:
        found = float(_number(text))
    if found == 0:
        raise ArgumentTypeError(f"{text!r} is no time")
    return found
