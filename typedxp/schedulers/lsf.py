"""Owns LSF: bsub, bjobs, bkill, bstop, bresume, brequeue, bparams.

Sources: the manual pages of these commands in IBM's command reference of Spectrum LSF 10.1, and "Termination reasons
displayed by bacct, bhist, and bjobs" in its administrator's guide. It was never run against an LSF.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from typedxp.errors import ProfileError
from typedxp.schedulers import lsf_answers as answers
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Lines, Profile, Text, Writer, with_the_job
from typedxp.schedulers.shell import Command, Reply, Shell, batches, refused, unreadable
from typedxp.schedulers.units import minutes, spell_memory
from typedxp.vocabulary.jobs import JobState, JobStatus

# Those that users set for themselves, such as LSB_DEFAULTPROJECT, and those by which commands find the cluster stay.
_INHERITED = (
    "LSB_JOB*",
    "LSB_BATCH_JID",
    "LSB_HOSTS",
    "LSB_MCPU_HOSTS",
    "LSB_DJOB_*",
    "LSB_AFFINITY_*",
    "LSB_GPU_*",
    "LSB_SUB_*",
    "LSB_RESTART*",
    "LS_JOBPID",
    "LS_SUBCWD",
    # By these bsub would be silent, wait, or only look at what is asked for.
    "BSUB_*",
)
_REQUEUE = 99
_SUBMITTED = re.compile(r"Job <(\d+)> is submitted\b", re.ASCII)
_DONE_WITH = re.compile(r"Job <[^>]*>:? (?:Job has already finished|No matching job found|is not found|is being \w+)")


def _in_quotes(text: str) -> str:
    if re.search(r'["\\`$]', text):
        raise PydanticCustomError("quotes", 'A line of #BSUB cannot hold any of " \\ ` $ in this value')
    return text


Quoted = Annotated[Text, AfterValidator(_in_quotes)]
"""What is written into a line of #BSUB between double quotes, which is how bsub keeps words together."""


def _slots(profile: Any, _job: Job) -> list[str]:
    """Ask for a slot for each CPU of each task; the CPUs of a task are on one host."""
    cpus, nodes = profile.cpus or 1, profile.nodes
    count = _tasks(profile) * cpus
    span = _span(profile, count // nodes if nodes is not None else None, cpus)
    return [f"-n {count}", *([f'-R "span[{span}]"'] if span is not None else [])]


def _tasks(profile: Any) -> int:
    tasks: int = profile.tasks or profile.nodes or 1
    return tasks


def _span(profile: Any, on_each: int | None, cpus: int) -> str | None:
    if profile.span is not None:
        return str(profile.span)
    if profile.on_one_host:
        return "hosts=1"
    if on_each is not None:
        return f"ptile={on_each}"
    return f"block={cpus}" if cpus > 1 else None


def _memory(profile: Any, _job: Job) -> list[str]:
    """Reserve the memory; where all of the job is on one host, it is the limit as well."""
    size, what = (profile.mem, "host") if profile.mem is not None else (profile.mem_per_cpu, "task")
    slots = _tasks(profile) * (profile.cpus or 1)
    limit = size if profile.mem is not None else size * slots
    method = "" if profile.unit is not None else f"/{what}"
    reserve = f'-R "rusage[mem={_size(profile, size)}{method}]"'
    return [reserve, *([f"-M {_size(profile, limit)}"] if profile.on_one_host else [])]


def _size(profile: Any, size: int) -> str:
    """Write an amount with its unit; an LSF that knows no units reads it in those of the site."""
    if profile.unit is None:
        return spell_memory(size)
    return str(-(-size // 1024 ** ("KMGT".index(profile.unit[0]) + 1)))


def _gpus(profile: Any, _job: Job) -> str:
    method = "" if profile.unit is not None else "/host"
    model = f":gmodel={profile.gpu_type}" if profile.gpu_type is not None else ""
    # Without j_exclusive, other jobs may be given the same GPUs.
    return f'-gpu "num={profile.gpus}{method}:j_exclusive=yes{model}"'


def _mail(profile: Any, _job: Job) -> list[str]:
    events = set(profile.mail_on or ["end", "fail"])
    # The report of the end tells of failures as well; -N and -Ne exclude each other.
    report = ["-N"] if "end" in events else ["-Ne"] if "fail" in events else []
    return [f"-u {_word(profile.mail)}", *(["-B"] if "begin" in events else []), *report]


class Lsf(Profile):
    """A profile for LSF. What all schedulers share has the names of :class:`Profile`; the rest those of bsub."""

    scheduler: Literal["lsf"] = "lsf"
    gpu_type: Quoted | None = Field(default=None, description="gmodel of -gpu: the model of the GPU; needs gpus")
    account: Quoted | None = Field(default=None, description="-P: the project that is charged")
    queue: Quoted | None = Field(default=None, description="-q: the queue")
    mail: Quoted | None = Field(default=None, description="-u: the address that mail is sent to")
    app: Quoted | None = Field(default=None, description="-app: the application profile")
    group: Quoted | None = Field(default=None, description="-G: the user group whose share is used")
    hosts: Quoted | None = Field(default=None, description="-m: these hosts, or groups of hosts, as in 'hostA hostB'")
    select: Quoted | None = Field(default=None, description="-R select[...], as in mem>1000 && type==any")
    order: Quoted | None = Field(default=None, description="-R order[...], as in r1m:pg")
    rusage: Quoted | None = Field(default=None, description="-R rusage[...], as in scratch=10; mem writes its own")
    span: Quoted | None = Field(default=None, description="-R span[...], as in ptile=4; excludes nodes")
    resources: Annotated[Lines, AfterValidator(lambda lines: [_in_quotes(line) for line in lines])] | None = Field(
        default=None, description="-R: whole resource requirements, as in ['same[model]', 'affinity[core(2)]']"
    )
    gpu: Quoted | None = Field(
        default=None, description="-gpu, as in num=1:mode=exclusive_process; excludes gpus and gpu_type"
    )
    reservation: Quoted | None = Field(default=None, description="-U: the advance reservation")
    exclusive: bool | None = Field(default=None, description="-x: share hosts with nobody")
    priority: PositiveInt | None = Field(default=None, description="-sp: priority among your own jobs")
    unit: Literal["KB", "MB", "GB", "TB"] | None = Field(
        default=None,
        description="LSF_UNIT_FOR_LIMITS of the site: for an LSF before 10.1.0.9, which reads numbers without units",
    )

    prefix: ClassVar[str] = "#BSUB"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        "time": lambda p, _: f"-W {minutes(p.time) // 60}:{minutes(p.time) % 60:02}",
        ("nodes", "tasks", "cpus", "span"): _slots,
        ("mem", "mem_per_cpu"): _memory,
        # It says how the others are written.
        "unit": with_the_job,
        ("gpus", "gpu_type"): _gpus,
        "gpu": lambda p, _: f'-gpu "{p.gpu}"',
        "select": lambda p, _: f'-R "select[{p.select}]"',
        "order": lambda p, _: f'-R "order[{p.order}]"',
        "rusage": lambda p, _: f'-R "rusage[{p.rusage}]"',
        "resources": lambda p, _: [f'-R "{line}"' for line in p.resources],
        "hosts": lambda p, _: f'-m "{p.hosts}"',
        "account": lambda p, _: f"-P {_word(p.account)}",
        "group": lambda p, _: f"-G {_word(p.group)}",
        "queue": lambda p, _: f"-q {_word(p.queue)}",
        "app": lambda p, _: f"-app {_word(p.app)}",
        "reservation": lambda p, _: f"-U {_word(p.reservation)}",
        "exclusive": lambda p, _: "-x" if p.exclusive else [],
        "priority": lambda p, _: f"-sp {p.priority}",
        "name": with_the_job,
        "parallel": with_the_job,
        # A job whose condition can never come true is ended.
        "after": lambda p, _: '-w "' + " && ".join(f"done({job})" for job in p.after) + '" -ti',
        "requeue": lambda p, _: ["-r", f'-Q "{_REQUEUE}"'] if p.requeue else "-rn",
        "warn": lambda p, _: f"-wa USR1 -wt {minutes(p.warn)}",
        ("mail", "mail_on"): _mail,
    }

    @property
    def on_one_host(self) -> bool:
        """Whether all of the job is on one host."""
        return self.span is None and (self.nodes or self.tasks or 1) == 1

    @model_validator(mode="after")
    def _lsf_fits_together(self) -> Lsf:
        self.at_most_one("gpus", "gpu")
        self.at_most_one("nodes", "span")
        if self.gpus == 0:
            raise PydanticCustomError("gpus", "LSF has no word for no GPUs: leave gpus out")
        if self.nodes is not None and self.tasks is not None and self.tasks % self.nodes != 0:
            raise PydanticCustomError("tasks", "LSF puts as many tasks on each node: tasks must be a multiple of nodes")
        if self.unit is not None and self.mem_per_cpu is not None:
            raise PydanticCustomError("unit", "An LSF that needs unit reserves memory for each node only: use mem")
        if self.exclusive is False:
            raise PydanticCustomError("exclusive", "bsub can only ask for it: leave exclusive out")
        if not all(re.fullmatch(r"\d+(\[\d+\])?", job, re.ASCII) for job in self.after or []):
            raise PydanticCustomError("after", "LSF calls a job 12, or 12[3] if it is an element of an array")
        return self


class LsfScheduler(Scheduler):
    """LSF's commands and answers."""

    name = "lsf"
    profile = Lsf
    first = 1
    task = "LSB_JOBINDEX"
    own_name = ("${LSB_JOBID}", "${LSB_JOBID}[${LSB_JOBINDEX}]")
    inherited = _INHERITED
    requeue_code = _REQUEUE
    # bjobs(1), "Job status". What ended otherwise than DONE is told apart by its reason.
    states: ClassVar[Mapping[str, JobState]] = {
        "PEND": JobState.QUEUED,
        "WAIT": JobState.QUEUED,
        "PSUSP": JobState.HELD,
        "PROV": JobState.RUNNING,
        "RUN": JobState.RUNNING,
        "USUSP": JobState.RUNNING,
        "SSUSP": JobState.RUNNING,
        "DONE": JobState.COMPLETED,
        "EXIT": JobState.FAILED,
        # LSF has lost contact with the host: what became of the job is not known.
        "UNKWN": JobState.UNKNOWN,
        "ZOMBI": JobState.UNKNOWN,
    }

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, array, and where LSF's own report of the job goes."""
        name = _job_name(profile, job)
        report = f"{job.output}/{'%J' if job.count is None else '%J_%I'}.lsf" if _plain(job.output) else "/dev/null"
        if job.count is None:
            return [f"-J {name}", f'-o "{report}"']
        throttle = f"%{profile.parallel}" if profile.parallel is not None else ""
        return [f'-J "{name}[1-{job.count}]{throttle}"', f'-o "{report}"']

    def opening(self, job: Job) -> list[str]:
        """Write what is printed at once: LSF by itself keeps it until the job has ended."""
        name = "${LSB_JOBID}" if job.count is None else "${LSB_JOBID}_${LSB_JOBINDEX}"
        return [f'exec >>{quote(str(job.output))}/"{name}.log" 2>&1']

    def output_file(self, element: str) -> str:
        """Name the file of ``12`` or ``12[3]``."""
        return f"{element.replace('[', '_').rstrip(']')}.log"

    def submit_command(self, script: Path) -> Command:
        """Submit by standard input: bsub looks for directives nowhere else."""
        return Command(("bsub",), without=_INHERITED, stdin_file=script)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read ``Job <12> is submitted to queue <normal>.``, with what the site prints before."""
        if reply.code != 0:
            raise refused(reply)
        match = _SUBMITTED.search(reply.out)
        if match is None:
            raise unreadable(reply)
        job = match[1]
        return Submitted(job, (job,) if count is None else tuple(f"{job}[{index}]" for index in range(1, count + 1)))

    def limit_command(self) -> Command:
        """Ask for the parameters of the cluster."""
        return Command(("bparams", "-l"))

    def read_limit(self, reply: Reply) -> int | None:
        """Read MAX_JOB_ARRAY_SIZE, which is the highest index as well."""
        match = re.search(r"\bMAX_JOB_ARRAY_SIZE\s*=\s*(\d+)", reply.out)
        return int(match[1]) if match else None

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask bjobs, which knows of finished jobs for an hour, or as long as the site says."""
        wanted = {element for elements in jobs.values() for element in elements}
        found: dict[str, JobStatus] = {}
        for names in batches([*jobs]):
            for record in answers.read_records(names, shell):
                found[answers.element(record)] = answers.status(self.state(record.get("STAT", "")), record)
        return {element: status for element, status in found.items() if element in wanted}

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Kill jobs and elements alike."""
        return [Command(("bkill", *some)) for some in batches(names)]

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Suspend jobs and elements alike; what is queued does not start, what is running is stopped."""
        return [Command(("bstop", *some)) for some in batches(names)]

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Resume jobs and elements alike."""
        return [Command(("bresume", *some)) for some in batches(names)]

    def requeue_command(self, name: str) -> Command:
        """Kill and requeue, which users may do with their own jobs."""
        return Command(("brequeue", name))

    def gone(self, reply: Reply) -> bool:
        """Whether bkill found jobs that have ended, and no other trouble."""
        said = [line for line in f"{reply.out}\n{reply.err}".splitlines() if line.strip()]
        return bool(said) and all(_DONE_WITH.match(line.strip()) for line in said)


def _job_name(profile: Profile, job: Job) -> str:
    """Return the name of a job; that of the experiment is changed where it has other letters than an array may have."""
    if profile.name is not None and not re.fullmatch(r"[\w.-]+", profile.name, re.ASCII):
        raise ProfileError(
            f"LSF does not take {profile.name!r} as the name of an array: it has letters, digits, '.', '-' and '_'. "
            "Change `name`."
        )
    return profile.name or re.sub(r"[^\w.-]", "_", job.name, flags=re.ASCII)


def _word(text: str) -> str:
    """Quote a value where it is more than one plain word; what is after a # would be a comment."""
    return text if re.fullmatch(r"[\w./@:,=+-]+", text, re.ASCII) else f'"{text}"'


def _plain(path: Path) -> bool:
    """Whether a path survives -o: a percent sign, a quote or a dollar is read as something else there."""
    return re.fullmatch(r"[\w ./,:=+@-]+", str(path), re.ASCII) is not None
