"""Owns the stand-in for PBS. Its words are those of OpenPBS 23.06.

qsub, qstat, qdel, qhold, qrls and qrerun understand what typedxp asks, and all options of qsub for batch jobs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from typedxp.testing.pbs_family import SERVER, FakeFamily, as_text, called, exit_status
from typedxp.testing.standin import Answer, Cause, FakeElement, FakeJob, Phase, Refused

_OVER = {
    Cause.TIMEOUT: -29,
    Cause.OUT_OF_MEMORY: -27,
    Cause.NODE_FAILED: -4,
    Cause.CANCELLED: 271,
    Cause.PREEMPTED: 271,
}
_ENDS = {
    Cause.TIMEOUT: "exceeded resource walltime",
    Cause.OUT_OF_MEMORY: "exceeded resource mem",
    Cause.CANCELLED: f"terminated by user@{SERVER}",
}


class FakePbs(FakeFamily):
    """A shell that understands the commands of PBS, and answers in its words.

    Without ``history``, jobs are forgotten when they end. With ``json=False``, qstat is too old to know of it.
    """

    letters = "a:A:c:C:e:hj:J:k:l:m:M:N:o:p:P:q:r:R:S:u:v:VW:z"
    array = "J"
    index = "PBS_ARRAY_INDEX"
    unquotes = True
    finished: ClassVar[tuple[str, int]] = ("qdel: Job has finished {}", 35)
    unknown = "qdel: Unknown Job Id {}"
    no_queue: ClassVar[tuple[str, int]] = ("qsub: Unknown queue\n", 170)

    def __init__(
        self,
        slots: int = 4,
        speed: float = 1.0,
        *,
        queues: Sequence[str] | None = None,
        max_array: int = 10_000,
        history: bool = True,
        json: bool = True,
    ) -> None:
        super().__init__(slots, speed, queues=queues, max_array=max_array)
        self.history = history
        self.json = json

    def satisfied(self, job: FakeJob) -> bool | None:
        """A job that is not known will never have succeeded."""
        return False if not all(self.named(name) for name in job.after) else super().satisfied(job)

    def _wrong(self, words: Sequence[str]) -> Refused:
        letter = words[0][1:2]
        return Refused(1, f"qsub: invalid option -- '{letter}'\nqsub: directive error: {' '.join(words)} \n")

    def _indices(self, given: str) -> Sequence[int]:
        match = re.fullmatch(r"(\d+)-(\d+)", given)
        if match is None or int(match[1]) >= int(match[2]):
            raise Refused(2, "qsub: illegal -J value\n")
        indices = range(int(match[1]), int(match[2]) + 1)
        if self.max_array is not None and len(indices) > self.max_array:
            raise Refused(3, "qsub: Array job exceeds server or queue size limit\n")
        return indices

    def _judge(self, options: Mapping[str, str]) -> None:
        super()._judge(options)
        if "J" in options and options.get("r") == "n":
            raise Refused(1, "qsub: cannot submit non-rerunable Array Job\n")

    def _default_output(self, element: FakeElement) -> str:
        return f"{called(element)}.OU"

    def _act(self, program: str, words: Sequence[str], act: Callable[[FakeElement], None]) -> Answer:
        if any(re.search(r"\[\d", word) for word in words):
            raise Refused(11, "".join(f"{program}: Illegal operation on Array Subjob {word}\n" for word in words))
        return super()._act(program, words, act)

    def _qdel(self, words: Sequence[str]) -> Answer:
        given = [self._named(word) for word in words]
        if len(words) > 1 and not all(found and all(each.running for each in found) for found in given):
            # What waits in an array, or is not known, makes the original crash if it is in a list.
            raise Refused(255, f"Connection refused\nCouldn't connect to cluster: {SERVER}\n")
        if len(words) == 1 and (element := self._past(words[0])):
            raise Refused(55, f"qdel: Request invalid for finished array subjob {called(element)}\n")
        return super()._qdel(words)

    def _named(self, name: str) -> list[FakeElement]:
        """Find the elements of ``7[3-5].pbshost``, too."""
        match = re.fullmatch(r"(\d+)\[(\d+)-(\d+)\](.*)", name)
        if match is None:
            return super()._named(name)
        several = (f"{match[1]}[{index}]{match[4]}" for index in range(int(match[2]), int(match[3]) + 1))
        return [element for one in several for element in super(FakePbs, self)._named(one)]

    def _past(self, word: str) -> FakeElement | None:
        """Find an element that has ended in an array that has not."""
        found = self._named(word)
        alone = len(found) == 1 and found[0].index is not None and found[0].phase is Phase.ENDED
        return found[0] if alone and any(each.phase is not Phase.ENDED for each in found[0].job.elements) else None

    # qstat

    def _qstat(self, words: Sequence[str]) -> Answer:
        if words[0] == "-Bf":
            return Answer(f"Server: {SERVER}\n    server_state = Active\n    max_array_size = {self.max_array}\n\n")
        as_json = "-F" in words
        if as_json and not self.json:
            raise Refused(2, "qstat: invalid option -- 'F'\nusage:\nqstat [-f] [-J] [-p] [-t] [-x] [-a]\n")
        if "x" in words[0] and not self.history:
            raise Refused(36, "qstat: PBS is not configured to maintain job history\n")
        found: dict[str, Mapping[str, object]] = {}
        said, code = "", 0
        for word in words[3 if as_json else 1 :]:
            jobs, complaint, wrong = self._tell(word, past="x" in words[0])
            found |= jobs
            said, code = said + complaint, wrong or code
        return Answer(_as_json(found) if as_json else as_text(found), said, code)

    def _tell(self, name: str, *, past: bool) -> tuple[dict[str, Mapping[str, object]], str, int]:
        elements = self._named(name)
        if not elements:
            return {}, f"qstat: Unknown Job Id {name}\n", 153
        if not past and all(element.phase is Phase.ENDED for element in elements):
            return {}, f"qstat: {name} Job has finished, use -x or -H to obtain historical job information\n", 35
        job = elements[0].job
        array = {} if job.indices is None else {called(job): _array(job)}
        return {**array, **{called(element): self._facts(element) for element in elements}}, "", 0

    def _facts(self, element: FakeElement) -> dict[str, object]:
        facts = {"Job_Name": element.job.name, "Job_Owner": f"user@{SERVER}", "server": SERVER}
        if element.phase is Phase.ENDED and not self.history:
            return {**facts, "job_state": "X"}
        return {**facts, **(_ended(element) if element.phase is Phase.ENDED else _living(element))}


def _living(element: FakeElement) -> dict[str, object]:
    job = element.job
    if element.running:
        state = "R" if element.phase is Phase.RUNNING else "E"
        return {
            "job_state": state,
            "substate": 41 if state == "R" else 51,
            "run_count": element.restarts + 1,
            "comment": f"Job run at Fri Nov 20 at 21:26 on ({SERVER}:ncpus=1)",
        }
    if element.index is not None:
        # Whether an array is held, only the array says.
        return {"job_state": "Q", "substate": 10, "Hold_Types": "n"}
    if element.phase is Phase.HELD:
        return {"job_state": "H", "substate": 20, "Hold_Types": "u"}
    if job.after:
        depend = "afterok:" + ":".join(f"{number}.{SERVER}@{SERVER}" for number in job.after)
        return {"job_state": "H", "substate": 22, "Hold_Types": "s", "depend": depend}
    return {"job_state": "Q", "substate": 10, "Hold_Types": "n", "comment": "Not Running: Not enough free nodes"}


def _ended(element: FakeElement) -> dict[str, object]:
    if element.cause is Cause.NO_OUTPUT:
        return {"job_state": "E", "substate": 51}
    if not element.started:
        # It never ran.
        comment = {"comment": "Subjob finished"} if element.index is not None else {}
        return {"job_state": "F", "substate": 92 if element.cause is Cause.DEPENDENCY else 91, **comment}
    code = exit_status(element, _OVER)
    end = "finished" if code == 0 else _ENDS.get(element.cause, "failed") if element.cause else "failed"
    return {
        "job_state": "F",
        "substate": 91 if element.cause is Cause.CANCELLED else 93 if code else 92,
        "Exit_status": code,
        "comment": f"Job run at Fri Nov 20 at 21:26 on ({SERVER}:ncpus=1) and {end}",
    }


def _array(job: FakeJob) -> dict[str, object]:
    facts: dict[str, object] = {"Job_Name": job.name, "array": "True", "Hold_Types": "n"}
    if all(element.phase is Phase.ENDED for element in job.elements):
        return {**facts, "job_state": "F", "substate": 92 if all(e.succeeded for e in job.elements) else 93}
    if any(element.phase is Phase.HELD for element in job.elements):
        return {**facts, "job_state": "H", "substate": 20, "Hold_Types": "u"}
    waits = all(element.waiting for element in job.elements)
    return {**facts, "job_state": "Q" if waits else "B", "substate": 10 if waits else 70}


def _as_json(jobs: Mapping[str, object]) -> str:
    said = {
        "timestamp": 1795209996,
        "pbs_version": "23.06.06",
        "pbs_server": SERVER,
        **({"Jobs": jobs} if jobs else {}),
    }
    return json.dumps(said, indent="\t", separators=(",", ":\t")) + "\n"
