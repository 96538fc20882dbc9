"""Owns the stand-in for TORQUE. Its words are those of TORQUE 6.1.3.

qsub, qstat, qdel, qhold, qrls and qrerun understand what typedxp asks, and all options of qsub for batch jobs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar
from xml.sax.saxutils import escape

from typedxp.testing.pbs_family import SERVER, FakeFamily, as_text, called, dependencies, exit_status
from typedxp.testing.standin import Answer, Cause, FakeElement, FakeJob, Phase, Refused

_OVER = {
    Cause.TIMEOUT: -11,
    Cause.OUT_OF_MEMORY: -10,
    Cause.NODE_FAILED: -4,
    Cause.CANCELLED: 271,
    Cause.PREEMPTED: 271,
    Cause.DEPENDENCY: 271,
    Cause.NO_OUTPUT: -9,
}
_USAGE = "[a single - is not a valid option]\n\nusage: qsub [-a date_time] [-A account_string] [-b secs]\n"


class FakeTorque(FakeFamily):
    """A shell that understands the commands of TORQUE, and answers in its words."""

    letters = "a:A:b:c:C:d:D:e:hj:k:K:l:m:M:N:o:p:q:r:S:t:T:u:v:Vw:W:xz"
    array = "t"
    index = "PBS_ARRAYID"
    unquotes = False
    finished: ClassVar[tuple[str, int]] = ("qdel: invalid state for job - COMPLETE {}", 170)
    unknown = "qdel: nonexistent job id: {}"
    no_queue: ClassVar[tuple[str, int]] = ("qsub: submit error (Unknown queue MSG=requested queue not found)\n", 172)

    def satisfied(self, job: FakeJob) -> bool | None:
        """A job that asks for the chunks of PBS is taken, and never runs."""
        return None if "select" in job.options else super().satisfied(job)

    def _wrong(self, words: Sequence[str]) -> Refused:  # noqa: ARG002 - TORQUE shows how qsub is used instead
        return Refused(2, _USAGE)

    def _judge(self, options: Mapping[str, str]) -> None:
        super()._judge(options)
        if re.search(r"\s", options.get("o", "")):
            raise Refused(1, "qsub: illegal -o value\n")
        if not all(self.named(name) for name in dependencies(options)):
            raise Refused(208, "qsub: submit error (Invalid Job Dependency)\n")

    def _indices(self, given: str) -> Sequence[int]:
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", given)
        if match is None or int(match[1]) > int(match[2] or match[1]):
            raise Refused(2, "qsub: illegal -t value\n")
        indices = range(int(match[1]), int(match[2] or match[1]) + 1)
        if self.max_array is not None and len(indices) > self.max_array:
            raise Refused(1, "qsub: submit error (Requested array size too large)\n")
        return indices

    def _default_output(self, element: FakeElement) -> str:
        index = "" if element.index is None else f"-{element.index}"
        return f"{element.job.name}.o{element.job.number}{index}"

    # qstat

    def _qstat(self, words: Sequence[str]) -> Answer:
        if "-B" in words:
            limit = f"    max_job_array_size = {self.max_array}\n" if self.max_array is not None else ""
            return Answer(f"Server: {SERVER}\n    server_state = Active\n{limit}\n")
        names = [word for word in words if not word.startswith("-")]
        unknown = "".join(f"qstat: Unknown Job Id Error {name}\n" for name in names if not self._named(name))
        wanted = [self._named(name) for name in names] if names else [list(self.elements())]
        told = [{called(element): _facts(element) for element in elements} for elements in wanted if elements]
        out = "".join(map(as_text, told)) if "-f" in words else "".join(map(_as_xml, told))
        return Answer(out, unknown, 153 if unknown else 0)


def _facts(element: FakeElement) -> dict[str, object]:
    job = element.job
    facts: dict[str, object] = {"Job_Name": job.name, "Job_Owner": f"user@{SERVER}", "job_state": _state(element)}
    if element.phase is Phase.HELD:
        return {**facts, "Hold_Types": "u"}
    if facts["job_state"] == "H":
        depend = {"depend": "afterok:" + ":".join(f"{number}.{SERVER}@{SERVER}" for number in job.after)}
        return {**facts, **({"Hold_Types": "s", **depend} if job.after else {"Hold_Types": "l"})}
    if element.phase is Phase.ENDED:
        why = "Job deleted as result of dependency on job " + ",".join(job.after)
        comment = why if element.cause is Cause.DEPENDENCY else "Job started on Fri Nov 20 at 21:27"
        return {**facts, "exit_status": exit_status(element, _OVER), "comment": comment}
    return facts


def _state(element: FakeElement) -> str:
    if element.phase is Phase.ENDED:
        return "C"
    if element.running:
        return "R" if element.phase is Phase.RUNNING else "E"
    job = element.job
    # What is beyond the slots of an array is held by them.
    ahead = [
        each for each in job.elements if each.running or (each.waiting and (each.index or 0) < (element.index or 0))
    ]
    beyond = job.throttle is not None and len(ahead) >= job.throttle
    return "H" if element.phase is Phase.HELD or job.after or beyond else "Q"


def _as_xml(jobs: Mapping[str, Mapping[str, object]]) -> str:
    told = "".join(
        f"<Job><Job_Id>{name}</Job_Id>"
        + "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in facts.items())
        + "</Job>"
        for name, facts in jobs.items()
    )
    return f'<?xml version="1.0"?>\n<Data>{told}</Data>\n' if jobs else ""
