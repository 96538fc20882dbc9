"""Owns the runner's own settings: what lives under the reserved key ``xp``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from typedxp.vocabulary.several import ONE_OR_MORE, listed


def _tag(text: str) -> str:
    # Without commas, since lists of tags are typed and shown with commas between them.
    if not text or not text.isprintable() or "," in text:
        raise PydanticCustomError("tag", "A tag is printable text without commas, as in xp.tags=[baseline,paper]")
    return text


def _once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


Tag = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_tag)]
"""A word of the user's own by which runs are found again."""

Tags = Annotated[list[Tag], ONE_OR_MORE, AfterValidator(_once)]
"""Tags, each of them once; one alone needs no list."""

Paths = Annotated[list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]], ONE_OR_MORE]
"""Files, directories or patterns, relative to the root of the repository; one alone needs no list."""


def _spelled_off(value: Any) -> Any:
    # In YAML, `off` is a boolean.
    return "off" if value is False else value


CHOSEN_VARIABLES = (
    "CUDA_*",
    "NVIDIA_*",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "NCCL_*",
    "OMP_*",
    "MKL_*",
    "OPENBLAS_*",
    "BLIS_*",
    "NUMEXPR_*",
    "VECLIB_*",
    "TORCH_*",
    "PYTORCH_*",
    "TF_*",
    "XLA_*",
    "JAX_*",
    "PYTHONHASHSEED",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LOADEDMODULES",
)
"""Environment variables that change what a program computes, or how fast. None of them differs from job to job."""


class Settings(BaseModel):
    """How runs are planned, stored and executed: ``xp.jobs=4`` on the command line, or under ``xp:`` in YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    logs: Path = Field(default=Path("logs"), description="directory of the runs")
    jobs: PositiveInt | None = Field(
        default=None, description="run in this many worker processes; null runs here, one after the other"
    )
    on_error: Literal["continue", "stop"] = Field(
        default="continue", description="whether the sweep goes on after a failed run"
    )
    zip: list[Annotated[list[str], Field(min_length=2)]] = Field(
        default_factory=list, description="groups of swept keys that go hand in hand, as in [[lr,batch]]"
    )
    where: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = Field(
        default=None, description="keep only the points for which this condition holds, as in 'seed < 3 or lr == 0.1'"
    )
    max_runs: PositiveInt = Field(default=1000, description="ask before a plan of more runs than this")
    resume: PositiveInt | list[PositiveInt] | Literal["unfinished"] | None = Field(
        default=None, description="go on with these runs, or with all that did not complete, instead of making new ones"
    )
    only: Literal["all", "missing", "failed"] = Field(
        default="all",
        description="run all points, only those that no run has completed yet, or only those whose newest run failed",
    )
    ignore_code: bool = Field(default=False, description="let completed runs count for xp.only whatever their code was")
    code_paths: Paths = Field(
        default_factory=list,
        description="what counts as the code for xp.only: files of the repository, as in [src,*.py]",
    )
    capture: bool = Field(default=True, description="keep what runs print in their stdout.log and stderr.log")
    timestamps: bool = Field(default=True, description="record with every metric when it was logged")
    monitor: PositiveFloat | None = Field(
        default=None, description="seconds between samples of CPU, memory, disk and GPUs; null takes none"
    )
    checkouts: Path | None = Field(
        default=None, description="directory of the files that worker processes execute; null keeps them in xp.logs"
    )
    links: Annotated[list[Path], BeforeValidator(listed, json_schema_input_type=Path | list[Path])] = Field(
        default_factory=list,
        description="files and directories that git ignores and worker processes need, as in [data]",
    )
    env: Annotated[list[str], ONE_OR_MORE] = Field(
        default=[*CHOSEN_VARIABLES],
        description="environment variables to record, as in [CUDA_*,OMP_NUM_THREADS]; never those that may be secrets",
    )
    profile: dict[str, Any] | None = Field(
        default=None, description="where and with what resources to run, chosen by xp/profile; null runs here"
    )
    wait: bool = Field(default=False, description="wait until the jobs have ended, as if they ran here")
    tags: Tags = Field(default_factory=list, description="words to find the runs by, as in [baseline,paper]")
    snapshot: Annotated[Literal["auto", "clean", "ask", "off"], BeforeValidator(_spelled_off)] = Field(
        default="auto",
        description="keep the code as it is; clean: refuse to run what is not committed; ask: offer to commit it; off",
    )
    snapshot_max_file: Annotated[ByteSize, Field(gt=0)] = Field(
        default=ByteSize(50_000_000), description="refuse to keep larger files that are not committed, as in 200MB"
    )
    snapshot_max_total: Annotated[ByteSize, Field(gt=0)] = Field(
        default=ByteSize(500_000_000), description="refuse to keep more than this of files that are not committed"
    )
