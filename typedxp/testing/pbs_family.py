"""Owns what the stand-ins for PBS and TORQUE share: how qsub reads a script, and how jobs are called and acted on."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from typedxp.testing.standin import Answer, Cause, FakeElement, FakeJob, Phase, Program, Refused, StandIn

SERVER = "pbshost"


class FakeFamily(StandIn):
    """A shell that understands what PBS and TORQUE have in common. ``queues`` are those that there are; any if None.

    ``max_array`` is how many elements an array may have; None for no limit.
    """

    letters: ClassVar[str]
    """The options of qsub, as getopt has them: a colon follows those with a value."""
    array: ClassVar[str]
    """The option of arrays."""
    index: ClassVar[str]
    """The variable that has the index of an element."""
    unquotes: ClassVar[bool]
    """Whether qsub takes the quotes away from what they keep together in a directive."""
    finished: ClassVar[tuple[str, int]]
    """What qdel says of a job that has ended, and its exit code."""
    unknown: ClassVar[str]
    """What qdel says of a job that is not known."""
    no_queue: ClassVar[tuple[str, int]]
    """What qsub says of a queue that is not there, and its exit code."""

    def __init__(
        self, slots: int = 4, speed: float = 1.0, *, queues: Sequence[str] | None = None, max_array: int | None = None
    ) -> None:
        super().__init__(slots, speed)
        self.queues = queues
        self.max_array = max_array

    @property
    def programs(self) -> Mapping[str, Program]:
        """Name the commands."""
        return {
            "qsub": self._qsub,
            "qstat": self._qstat,
            "qdel": self._qdel,
            "qhold": lambda words: self._act("qhold", words, self.hold),
            "qrls": lambda words: self._act("qrls", words, self.release),
            "qrerun": self._qrerun,
        }

    @abstractmethod
    def _qstat(self, words: Sequence[str]) -> Answer:
        """Answer where jobs stand."""

    @abstractmethod
    def _wrong(self, words: Sequence[str]) -> Refused:
        """Refuse the words of a directive."""

    @abstractmethod
    def _indices(self, given: str) -> Sequence[int]:
        """Read the indices of an array."""

    @abstractmethod
    def _default_output(self, element: FakeElement) -> str:
        """Name the file of an output in a directory."""

    # qsub

    def _qsub(self, words: Sequence[str]) -> Answer:
        text = Path(words[-1]).read_text()
        given: dict[str, list[str]] = {}
        for line in _directives(text):
            self._read(argv(line, unquotes=self.unquotes), given)
        self._judge({name: values[-1] for name, values in given.items()})
        job = self.enqueue(self._job(text, given))
        return Answer(f"{called(job)}\n")

    def _read(self, words: Sequence[str], given: dict[str, list[str]]) -> None:
        rest = list(words)
        while rest:
            word = rest.pop(0)
            letter = word[1:2]
            if not word.startswith("-") or not letter or letter == ":" or letter not in self.letters:
                raise self._wrong(words)
            takes = self.letters[self.letters.index(letter) + 1 :].startswith(":")
            if takes and not word[2:] and not rest:
                raise self._wrong(words)
            given.setdefault(letter, []).append((word[2:] or rest.pop(0)) if takes else "")

    def _judge(self, options: Mapping[str, str]) -> None:
        if self.queues is not None and options.get("q", self.queues[0]) not in self.queues:
            raise Refused(self.no_queue[1], self.no_queue[0])
        if self.array in options:
            self._indices(options[self.array].partition("%")[0])

    def _job(self, text: str, given: Mapping[str, list[str]]) -> FakeJob:
        options = {name: values[-1] for name, values in given.items()}
        resources = dict(part.partition("=")[::2] for value in given.get("l", []) for part in value.split(","))
        array, _, throttle = options.get(self.array, "").partition("%")
        return FakeJob(
            script=text,
            name=options.get("N", "job.sh"),
            directory=Path.home(),
            output=self._output,
            environ=self._environ,
            indices=self._indices(array) if array else None,
            throttle=int(throttle) if throttle else None,
            limit=read_clock(resources["walltime"]) if "walltime" in resources else None,
            after=dependencies(options),
            held="h" in options,
            requeues=options.get("r", "y") == "y",
            inherits=False,
            options={**options, **resources},
        )

    def _output(self, element: FakeElement) -> Path:
        given = element.job.options.get("o", "")
        if given.endswith("/"):
            return Path(given) / self._default_output(element)
        return Path(given) if given else Path.home() / self._default_output(element)

    def _environ(self, element: FakeElement) -> dict[str, str]:
        env = {
            "PBS_JOBID": called(element),
            "PBS_JOBNAME": element.job.name,
            "PBS_ENVIRONMENT": "PBS_BATCH",
            "PBS_O_WORKDIR": str(Path.cwd()),
        }
        return env if element.index is None else {**env, self.index: str(element.index)}

    # Acts

    def _qdel(self, words: Sequence[str]) -> Answer:
        said, code = "", 0
        for word in words:
            elements = self._named(word)
            if not elements:
                said, code = f"{said}{self.unknown.format(word)}\n", 153
            elif all(element.phase is Phase.ENDED for element in elements):
                said, code = f"{said}{self.finished[0].format(word)}\n", self.finished[1]
            for element in elements:
                self.cancel(element)
        return Answer(err=said, code=code)

    def _act(self, program: str, words: Sequence[str], act: Callable[[FakeElement], None]) -> Answer:
        said = ""
        for word in words:
            elements = self._named(word)
            said += "" if elements else f"{program}: Unknown Job Id {word}\n"
            for element in elements:
                act(element)
        return Answer(err=said, code=153 if said else 0)

    def _qrerun(self, words: Sequence[str]) -> Answer:
        raise Refused(159, "".join(f"qrerun: Unauthorized Request  {word}\n" for word in words))

    def _named(self, name: str) -> list[FakeElement]:
        """Find the elements of ``7.pbshost``, ``7[].pbshost`` or ``7[3].pbshost``."""
        match = re.match(r"(\d+)(\[\d*\])?(?:\.|$)", name)
        job = self.jobs.get(match[1]) if match else None
        if match is None or job is None or (match[2] is None) != (job.indices is None):
            return []
        return [element for element in job.elements if match[2] in (None, "[]", f"[{element.index}]")]


def dependencies(options: Mapping[str, str]) -> list[str]:
    """Read the jobs and elements to wait for, without the server: ``12``, ``12[]`` or ``12[3]``."""
    return re.findall(r":(\d+(?:\[\d*\])?)", options.get("W", ""))


def called(what: FakeJob | FakeElement) -> str:
    """Return what the server calls a job or an element."""
    if isinstance(what, FakeElement):
        return f"{what.job.number}{'' if what.index is None else f'[{what.index}]'}.{SERVER}"
    return f"{what.number}{'' if what.indices is None else '[]'}.{SERVER}"


def exit_status(element: FakeElement, over: Mapping[Cause, int]) -> int:
    """Return how an element ended: by a cause of ``over``, or with an exit code, or 256 more than a signal."""
    if element.cause is not None and element.cause in over:
        return over[element.cause]
    return 256 + element.signal if element.signal else element.code


def as_text(jobs: Mapping[str, Mapping[str, object]]) -> str:
    """Print attributes as ``qstat -f`` does, which breaks long lines."""
    text = ""
    for name, facts in jobs.items():
        lines = (f"    {key} = {value}" for key, value in facts.items())
        broken = (re.sub(r"(.{78})(?=.)", r"\1\n\t", line) for line in lines)
        text += f"Job Id: {name}\n" + "\n".join(broken) + "\n\n"
    return text


def argv(line: str, *, unquotes: bool) -> list[str]:
    """Part a line into words as qsub does: quotes keep them together, and a backslash what is behind it."""
    words: list[str] = []
    word: str | None = None
    for quoted, escaped, space, other in re.findall(r"(\"[^\"]*\"|'[^']*')|\\(.)|(\s+)|(.)", line):
        if space:
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + (quoted[1:-1] if unquotes else quoted) + escaped + other
    return words if word is None else [*words, word]


def _directives(text: str) -> Iterator[str]:
    """Go through the directives, which end with the first command."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            return
        if line.startswith("#PBS"):
            yield line.removeprefix("#PBS")


def read_clock(text: str) -> int:
    """Read ``HH:MM:SS``; return seconds."""
    seconds = 0
    for part in text.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds
