"""Several processes log to one run: whole lines, right summaries, and rank 0 alone where there are ranks."""

import json
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from typedxp import Metrics, Run, Stream, open_results
from typedxp.store.streams import summarize

CHILDREN, RECORDS = 4, 200


class Step:
    child: int
    step: int
    text: str


class Logged(Metrics):
    train: Stream[Step]


def log_many(run, child):
    for step in range(RECORDS):
        run.log_metrics({"child": child, "step": step, "text": "x" * (step % 50)})


def log_by_rank(run, rank, variable):
    os.environ[variable] = str(rank)
    run.log(rank=rank)
    run.log_metrics({"rank": rank}, "every", every_rank=True)


def records(directory, stream="train"):
    return [json.loads(line) for line in (directory / "metrics" / f"{stream}.jsonl").read_text().splitlines()]


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let spawned children find the functions of this module, wherever pytest was started."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parents[2])])


def start(method, target, arguments):
    context = multiprocessing.get_context(method)
    processes = [context.Process(target=target, args=each) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("metrics", [None, Logged])
def test_children_of_a_run_log_whole_records_to_it(tmp_path, method, metrics):
    run = Run(tmp_path, None, id=1, metrics=metrics)
    run.log(child=-1, step=0, text="")

    start(method, log_many, [(run, child) for child in range(CHILDREN)])
    run.log(child=-1, step=1, text="")
    summaries = run.close()

    found = records(tmp_path)
    for child in range(CHILDREN):
        assert [record["step"] for record in found if record["child"] == child] == list(range(RECORDS))
    assert summaries["train"].records == len(found) == CHILDREN * RECORDS + 2
    assert summaries == {"train": summarize(tmp_path / "metrics" / "train.jsonl")}


def test_threads_of_a_run_log_whole_records_to_it(tmp_path):
    run = Run(tmp_path, None, id=1, metrics=Logged)

    with ThreadPoolExecutor(CHILDREN) as pool:
        list(pool.map(lambda child: log_many(run, child), range(CHILDREN)))

    found = records(tmp_path)
    assert len(found) == CHILDREN * RECORDS
    assert run.close() == {"train": summarize(tmp_path / "metrics" / "train.jsonl")}


def test_a_plain_fork_logs_on(tmp_path):
    run = Run(tmp_path, None, id=1)
    run.log(process=0)
    child = os.fork()
    if child == 0:
        try:
            run.log(process=1)
            run.log_metrics({"process": 1}, "other")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    run.log(process=0)

    assert [record["process"] for record in records(tmp_path)] == [0, 1, 0]
    assert {name: found.records for name, found in run.close().items()} == {"train": 3, "other": 1}


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("variable", ["RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"])
def test_of_the_ranks_of_a_parallel_program_the_first_one_logs_and_others_on_request(tmp_path, method, variable):
    run = Run(tmp_path, None, id=1)

    start(method, log_by_rank, [(run, rank, variable) for rank in range(3)])

    assert records(tmp_path) == [{"rank": 0}]
    assert sorted(record["rank"] for record in records(tmp_path, "every")) == [0, 1, 2]


SCRIPT = """
import multiprocessing

from pydantic import BaseModel

import typedxp


class Config(BaseModel):
    method: str = "fork"
    ranks: int = 2


class Step:
    rank: int
    value: float


class Metrics(typedxp.Metrics):
    train: typedxp.Stream[Step]


def work(run, rank):
    for value in range(100):
        run.log_metrics({"rank": rank, "value": value / run.config.ranks}, every_rank=True)


@typedxp.experiment
def train(config: Config, run: typedxp.Run[Metrics]) -> None:
    context = multiprocessing.get_context(config.method)
    processes = [context.Process(target=work, args=(run, rank)) for rank in range(config.ranks)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


if __name__ == "__main__":
    train.main()
"""


@pytest.mark.parametrize("how", ["", "-j 2"])
def test_children_of_a_launched_run_log_to_it(shell, tmp_path, how):
    (tmp_path / "train.py").write_text(SCRIPT)

    shell(f"python train.py method=fork,spawn {how}")

    for run in (1, 2):
        status = json.loads((tmp_path / f"logs/{run}/status.json").read_text())
        assert status["streams"]["train"]["records"] == 200
        assert status["streams"]["train"]["bytes"] == (tmp_path / f"logs/{run}/metrics/train.jsonl").stat().st_size
    results = open_results(tmp_path / "logs")
    assert results.sizes == {"method": 2, "train.step": 200}
    assert results["train.rank"].mean("train.step").values.tolist() == [0.5, 0.5]
