"""Owns the stand-in for Moab. Its words are those of Moab 9's manual: it was never compared with the original.

msub, showq and mjobctl understand what typedxp asks. Below it is what would be TORQUE.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree as ET

from typedxp.testing.pbs_family import read_clock
from typedxp.testing.standin import Answer, Cause, FakeElement, FakeJob, Phase, Program, Refused, StandIn


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VALUES = _words("-A -M -N -S -W -d -e -j -l -m -o -p -q -r -t -v")
_FLAGS = _words("-E -V -h")
_QUEUES = {Phase.QUEUED: "eligible", Phase.HELD: "blocked", Phase.ENDED: "completed"}
# Moab's word for the end of an element, and its completion code.
_ENDS = {
    Cause.CANCELLED: ("Removed", "CNCLD"),
    Cause.DEPENDENCY: ("Removed", "CNCLD"),
    Cause.PREEMPTED: ("Removed", "CNCLD"),
    Cause.TIMEOUT: ("Removed", "CNCLD(271)"),
    Cause.OUT_OF_MEMORY: ("Completed", "-10"),
    Cause.NODE_FAILED: ("Vacated", "-1"),
    Cause.NO_OUTPUT: ("Completed", "1"),
}


class FakeMoab(StandIn):
    """A shell that understands Moab's commands, and answers in its words.

    ``classes`` are the queues that there are; any if None. ``prefix`` is what ids begin with, as in ``Moab.``. What
    waits for a job that has failed is held, and ended if ``cancels_orphans``: DEPENDFAILUREPOLICY.
    """

    grace: ClassVar[float] = 1.0

    def __init__(
        self,
        slots: int = 4,
        speed: float = 1.0,
        *,
        classes: Sequence[str] | None = None,
        prefix: str = "",
        cancels_orphans: bool = False,
    ) -> None:
        super().__init__(slots, speed)
        self.classes = classes
        self.prefix = prefix
        self.cancels_orphans = cancels_orphans

    @property
    def programs(self) -> Mapping[str, Program]:
        """Name Moab's commands."""
        return {"msub": self._msub, "showq": self._showq, "mjobctl": self._mjobctl}

    def number(self) -> str:
        """Return the next id of a job."""
        return f"{self.prefix}{super().number()}"

    def strike(self, element: FakeElement, cause: Cause) -> None:
        """Let something end an element; or hold it, where that is what happens to orphans."""
        if cause is Cause.DEPENDENCY and not self.cancels_orphans:
            element.phase, element.cause = Phase.HELD, cause
        else:
            super().strike(element, cause)

    def _msub(self, words: Sequence[str]) -> Answer:
        text = Path(words[-1]).read_text()
        options, resources = _options([*_directives(text), *words[:-1]])
        if self.classes is not None and options.get("-q", self.classes[0]) not in self.classes:
            raise Refused(1, f"ERROR:    invalid class specified '{options['-q']}'\n")
        job = self.enqueue(_job(text, options, resources))
        return Answer(f"\n{job.number}\n")

    def _showq(self, words: Sequence[str]) -> Answer:
        names = ("completed",) if "-c" in words else ("active", "eligible", "blocked")
        data = ET.Element("Data")
        ET.SubElement(data, "Object").text = "queue"
        for name in names:
            there = [each for each in self.elements() if _QUEUES.get(each.phase, "active") == name]
            queue = ET.SubElement(data, "queue", count=str(len(there)), option=name)
            for element in there:
                ET.SubElement(queue, "job", _facts(element))
        return Answer(ET.tostring(data, encoding="unicode") + "\n")

    def _mjobctl(self, words: Sequence[str]) -> Answer:
        acts = {
            ("-c",): (self.cancel, "job '{}' cancelled\n"),
            ("-h", "user"): (self.hold, "holds modified for job '{}'\n"),
            ("-u", "user"): (self.release, "holds modified for job '{}'\n"),
        }
        if tuple(words[:-1]) not in acts:
            raise Refused(1, f"ERROR:    invalid command line: mjobctl {' '.join(words)}\n")
        act, done = acts[tuple(words[:-1])]
        out, err = "", ""
        for name in words[-1].split(","):
            there = [element for element in self.named(name) if element.phase is not Phase.ENDED]
            for element in there:
                act(element)
            out, err = (
                (out + done.format(name), err) if there else (out, f"{err}ERROR:  invalid job specified ({name})\n")
            )
        return Answer(f"\n{out}", err, 1 if err else 0)


def _directives(text: str) -> list[str]:
    """Return the words of the directives: the option, and all of the line after it."""
    lines = [line.removeprefix("#MSUB").strip() for line in text.splitlines() if line.startswith("#MSUB")]
    return [word for line in lines for word in line.split(maxsplit=1)]


def _options(words: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Part words into options, and the resources of all ``-l``."""
    options: dict[str, str] = {}
    resources: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word not in _VALUES | _FLAGS or (word in _VALUES and not rest):
            raise Refused(1, f"ERROR:    invalid option '{word}'\nUsage: msub [FLAGS] [script]\n")
        value = rest.pop(0) if word in _VALUES else ""
        if word == "-l":
            resources |= {name: what for name, _, what in (part.partition("=") for part in value.split(","))}
        else:
            options[word] = value
    return options, resources


def _job(text: str, options: Mapping[str, str], resources: Mapping[str, str]) -> FakeJob:
    array = re.fullmatch(r"[^.]*\.\[(\d+)-(\d+)\](?:%(\d+))?", options.get("-t", ""))
    warning = re.fullmatch(r"(\d+)@(\d+)", resources.get("signal", ""))
    kind, *after = resources.get("depend", "").split(":")
    return FakeJob(
        script=text,
        name=options.get("-N", "msub"),
        directory=Path.home(),
        output=lambda element: Path(element.job.options.get("-o", "/dev/null")),
        environ=_environ,
        indices=range(int(array[1]), int(array[2]) + 1) if array else None,
        throttle=int(array[3]) if array and array[3] else None,
        limit=read_clock(resources["walltime"]) if "walltime" in resources else None,
        warning=(signal.Signals(int(warning[1])), float(warning[2])) if warning else None,
        after=after if kind == "afterok" else (),
        held="-h" in options,
        requeues=options.get("-r", "y") == "y",
        inherits="-V" in options,
        options={**options, **resources},
    )


def _environ(element: FakeElement) -> dict[str, str]:
    job = element.job
    env = {"PBS_JOBNAME": job.name}
    if "-E" in job.options:
        env |= {"MOAB_JOBID": _name(element), "MOAB_JOBNAME": job.name}
    if job.indices is not None and "-V" in job.options:
        env |= {"MOAB_JOBARRAYINDEX": str(element.index), "MOAB_JOBARRAYRANGE": str(len(job.indices))}
    return env


def _name(element: FakeElement) -> str:
    return element.job.number if element.index is None else f"{element.job.number}[{element.index}]"


def _facts(element: FakeElement) -> dict[str, str]:
    limit = str(int(element.job.limit)) if element.job.limit is not None else "99999999"
    facts = {"JobID": _name(element), "GJID": _name(element), "JobName": element.job.name, "ReqAWDuration": limit}
    if element.phase is Phase.ENDED:
        state, code = _end(element)
        used = limit if element.cause is Cause.TIMEOUT else "1"
        return {**facts, "State": state, "CompletionCode": code, "AWDuration": used}
    orphan = element.cause is Cause.DEPENDENCY
    held = "BatchHold" if orphan else "UserHold"
    state = {Phase.QUEUED: "Idle", Phase.HELD: held, Phase.STOPPING: "Canceling"}.get(element.phase, "Running")
    return {**facts, "State": state, **({"BlockReason": "Depend:dependency cannot be fulfilled"} if orphan else {})}


def _end(element: FakeElement) -> tuple[str, str]:
    if element.cause is not None:
        return _ENDS[element.cause]
    return "Completed", str(256 + element.signal if element.signal else element.code)
