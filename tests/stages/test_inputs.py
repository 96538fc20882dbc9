"""Data that runs read is known by its content, and read once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pydantic
import pytest

from typedxp import ConfigError, InputPath, RecordError, Run, experiment
from typedxp.artifacts import inputs
from typedxp.artifacts.inputs import sum_up_input
from typedxp.stages.inputs import input_paths, sum_up_inputs
from typedxp.store.directory import RunDirectory

AGES_AGO = time.time() - 3600


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def _everything_is_settled(monkeypatch):
    """Have what the tests write count as old: their files are not written to twice within a moment."""
    monkeypatch.setattr("typedxp.store.cache.RACY_NS", 0)


@pytest.fixture
def reads(monkeypatch):
    """Return the list of files that are really read."""
    seen: list[Path] = []
    digest = inputs._digest

    def look(path, stamp):
        seen.append(Path(path))
        return digest(path, stamp)

    monkeypatch.setattr(inputs, "_digest", look)
    return seen


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(path: Path, text: str = "data") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (AGES_AGO, AGES_AGO))
    return path


def test_a_file_is_known_by_its_sha256(tmp_path):
    record = sum_up_input(write(tmp_path / "data.csv", "1,2\n"))

    assert (record.path, record.size, record.files) == (str(tmp_path / "data.csv"), 4, None)
    assert (record.algorithm, record.digest, record.source) == ("sha256", sha256(b"1,2\n"), None)


def test_a_directory_is_known_by_what_sha256sum_prints_of_it(tmp_path):
    for name in ("b", "a/z", "a/b/c", "ä ö"):
        write(tmp_path / "data" / name, name)

    record = sum_up_input(tmp_path / "data")

    command = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    printed = subprocess.check_output(["bash", "-c", command], cwd=tmp_path / "data", text=True)
    assert record.digest == printed.split()[0]
    assert (record.size, record.files) == (1 + 3 + 5 + 5, 4)


def test_an_empty_directory_has_a_digest_too(tmp_path):
    (tmp_path / "empty").mkdir()

    assert sum_up_input(tmp_path / "empty").digest == sha256(b"")


def test_what_has_not_changed_is_not_read_again(tmp_path, reads):
    file = write(tmp_path / "data.csv")
    first = sum_up_input(file)
    write(tmp_path / "many" / "a")
    write(tmp_path / "many" / "b")
    whole = sum_up_input(tmp_path / "many")
    reads.clear()

    assert sum_up_input(file) == first
    assert sum_up_input(tmp_path / "many") == whole
    assert reads == []


def test_of_a_directory_only_what_has_changed_is_read_again(tmp_path, reads):
    for name in ("a", "b", "c"):
        write(tmp_path / "data" / name, name)
    first = sum_up_input(tmp_path / "data")
    reads.clear()
    write(tmp_path / "data" / "b", "B")
    write(tmp_path / "data" / "d", "d")

    second = sum_up_input(tmp_path / "data")

    assert second.digest != first.digest
    assert reads == [tmp_path / "data" / "b", tmp_path / "data" / "d"]


def test_bytes_changed_behind_an_old_time_and_the_same_size_are_noticed(tmp_path):
    file = write(tmp_path / "data.csv", "one")
    first = sum_up_input(file)
    time.sleep(0.02)
    write(file, "two")

    assert file.stat().st_mtime < time.time() - 3000
    assert sum_up_input(file).digest == sha256(b"two") != first.digest


def test_a_file_that_was_written_a_moment_ago_is_not_remembered(tmp_path, reads, monkeypatch):
    monkeypatch.setattr("typedxp.store.cache.RACY_NS", 2_000_000_000)
    file = write(tmp_path / "data.csv")
    sum_up_input(file)
    sum_up_input(file)

    assert len(reads) == 2


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    file = write(tmp_path / "data.csv", "x" * 100_000)
    hash_file = hashlib.file_digest

    def meanwhile(opened, name):
        with file.open("a") as other:
            other.write("more")
        return hash_file(opened, name)

    monkeypatch.setattr(hashlib, "file_digest", meanwhile)
    with pytest.raises(RecordError, match=r"data\.csv was changed while it was read"):
        sum_up_input(file)


def test_links_are_followed_and_one_in_a_circle_ends_nowhere(tmp_path):
    write(tmp_path / "elsewhere" / "a", "a")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "inner").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "round").symlink_to(tmp_path / "data")
    (tmp_path / "link").symlink_to(tmp_path / "data")

    record = sum_up_input(tmp_path / "link")

    assert (record.path, record.files) == (str(tmp_path / "link"), 1)
    assert record.digest == sha256(f"{sha256(b'a')}  ./inner/a\n".encode())


def test_what_git_annex_has_not_fetched_is_known_by_its_key(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "image").symlink_to("../.git/annex/objects/SHA256E-s3--abc")

    key = sha256(b"../.git/annex/objects/SHA256E-s3--abc")
    assert sum_up_input(tmp_path / "data").digest == sha256(f"{key}  ./image\n".encode())


def test_files_beyond_some_size_are_read_by_several_threads_with_the_same_result(tmp_path, monkeypatch):
    for name in "abcdef":
        write(tmp_path / "data" / name, name)
    alone = inputs._digests(tmp_path / "data", stamps := dict(sorted(inputs._list(tmp_path / "data"))), {}, None)
    monkeypatch.setattr(inputs, "_LARGE", 0)

    assert inputs._digests(tmp_path / "data", stamps, {}, None) == alone
    assert list(alone) == list("abcdef")


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path):
    write(tmp_path / "data" / "secret").chmod(0)

    with pytest.raises(RecordError, match="secret cannot be read: Permission denied"):
        sum_up_input(tmp_path / "data")


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"nothing\.csv cannot be read: No such file or directory"):
        sum_up_input(tmp_path / "nothing.csv")


def test_names_that_are_no_text_are_taken(tmp_path):
    name = os.fsdecode(b"\xff\n\\")
    write(tmp_path / name / name, "x")

    assert sum_up_input(tmp_path / name).files == 1


def test_without_a_place_for_a_cache_everything_is_read(tmp_path, monkeypatch, reads):
    write(tmp_path / "file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert sum_up_input(tmp_path / "file") == sum_up_input(tmp_path / "file")
    assert len(reads) == 2


def test_a_damaged_cache_is_as_good_as_none(tmp_path, reads):
    for name in ("a", "b"):
        write(tmp_path / "data" / name)
    first = sum_up_input(tmp_path / "data")
    for file in Path(os.environ["XDG_CACHE_HOME"]).rglob("*.json"):
        file.write_text('{"a": 3' if file.stat().st_size % 2 else '["a"]')
    reads.clear()

    assert sum_up_input(tmp_path / "data") == first
    assert len(reads) == 2


MD5 = "a" * 32


def dvc(path: Path, **out) -> None:
    outs = [{"md5": MD5, "size": path.stat().st_size, "hash": "md5", "path": path.name} | out]
    path.with_name(f"{path.name}.dvc").write_text(json.dumps({"outs": outs}))


def test_what_dvc_has_recorded_is_taken_without_reading(tmp_path, reads):
    dvc(write(tmp_path / "data.csv"))

    record = sum_up_input(tmp_path / "data.csv")

    assert (record.digest, record.algorithm, record.source, record.note) == (MD5, "md5", "dvc", None)
    assert reads == []


def test_a_directory_of_dvc_is_taken_as_recorded_if_size_and_count_agree(tmp_path, reads):
    write(tmp_path / "data" / "a")
    dvc(tmp_path / "data", md5=f"{MD5}.dir", size=4, nfiles=1)

    assert sum_up_input(tmp_path / "data").digest == f"{MD5}.dir"
    assert reads == []
    write(tmp_path / "data" / "b", "")
    assert sum_up_input(tmp_path / "data").algorithm == "sha256"


def test_what_is_not_what_dvc_has_recorded_is_read(tmp_path):
    dvc(write(tmp_path / "data.csv", "1"), size=99)

    record = sum_up_input(tmp_path / "data.csv")

    assert (record.digest, record.source) == (sha256(b"1"), None)
    assert record.note == "it is not what data.csv.dvc has recorded"


def test_data_younger_than_the_file_of_dvc_is_noted(tmp_path):
    dvc(write(tmp_path / "data.csv"))
    os.utime(tmp_path / "data.csv.dvc", (AGES_AGO - 60, AGES_AGO - 60))

    assert sum_up_input(tmp_path / "data.csv").note == "it was changed after data.csv.dvc, and not compared"


@pytest.mark.parametrize("text", ["", "outs: 3", "outs: [{path: data.csv}]", "{", "!!python/name:os.system", "\udcff"])
def test_a_damaged_file_of_dvc_is_as_good_as_none(tmp_path, text):
    write(tmp_path / "data.csv")
    (tmp_path / "data.csv.dvc").write_text(text, errors="surrogateescape")

    assert sum_up_input(tmp_path / "data.csv").digest == sha256(b"data")


def test_a_pointer_of_git_lfs_stands_for_its_file(tmp_path):
    oid = "b" * 64
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n"

    record = sum_up_input(write(tmp_path / "model.bin", text))

    assert (record.digest, record.size, record.algorithm, record.source) == (oid, 12345, "sha256", "git-lfs")
    assert "git lfs pull" in record.note


class Inner(pydantic.BaseModel):
    table: InputPath


class Config(pydantic.BaseModel):
    data: InputPath
    other: Path = Path("x")
    maybe: InputPath | None = None
    listed: list[InputPath] = []
    named: dict[str, InputPath] = {}
    layers: list[Inner] = []


def test_paths_are_found_wherever_they_are_in_a_config(tmp_path):
    file = str(write(tmp_path / "a"))
    config = Config(data=file, listed=[file], named={"test": file}, layers=[{"table": file}])

    assert [key for key, _ in input_paths(config)] == ["data", "listed.0", "named.test", "layers.0.table"]
    assert {type(path) for _, path in input_paths(config)} == {InputPath}


@dataclass
class Standard:
    data: InputPath
    more: tuple[InputPath, ...] = field(default=())


def test_a_stdlib_dataclass_may_have_them_too(tmp_path):
    file = str(write(tmp_path / "a"))
    config = pydantic.TypeAdapter(Standard).validate_python({"data": file, "more": [file]})

    assert [key for key, _ in input_paths(config)] == ["data", "more.0"]


def test_each_path_of_a_plan_is_looked_at_once(tmp_path, reads):
    configs = [Config(data=str(write(tmp_path / name))) for name in "ab" for _ in range(500)]
    found = sum_up_inputs(configs)

    assert len(found) == 1000
    assert found[0]["data"].path == str(tmp_path / "a")
    assert found[999]["data"].path == str(tmp_path / "b")
    assert len(reads) == 2


def test_a_type_of_paths_is_a_path_in_a_json_schema_and_is_written_as_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a")
    inner = Inner(table="a")

    assert inner.model_json_schema()["properties"]["table"] == {"format": "path", "title": "Table", "type": "string"}
    assert inner.model_dump(mode="json") == {"table": str(tmp_path / "a")}
    assert inner.table == tmp_path / "a"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "There is no file or directory"),
        (lambda path: path.symlink_to("nowhere"), "is a link to nothing"),
        (lambda path: path.symlink_to(".git/annex/objects/x"), "git annex get"),
        (os.mkfifo, "is neither a file nor a directory"),
    ],
)
def test_what_cannot_be_data_is_refused(tmp_path, make, problem):
    make(tmp_path / "data")

    with pytest.raises(pydantic.ValidationError, match=problem):
        Inner(table=tmp_path / "data")


@experiment
def train(run: Run, data: InputPath = InputPath("data.csv"), seed: int = 0) -> None:  # noqa: B008 - a path never changes
    assert data.is_absolute()
    run.log(bytes=len(data.read_bytes()))
    run.log_input("more", name="extra")


def test_runs_know_the_data_of_their_config_and_what_they_logged(tmp_path, monkeypatch, reads):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data.csv", "1,2\n")
    write(tmp_path / "more" / "a")

    runs = train.sweep({"seed": range(3)})

    for run in runs:
        directory = RunDirectory(run.directory)
        recorded = directory.read_record().inputs
        assert recorded["data"].digest == sha256(b"1,2\n")
        assert list(directory.read_inputs()) == ["data", "extra"]
        assert directory.read_config()["data"] == str(tmp_path / "data.csv")
    assert reads.count(tmp_path / "data.csv") == reads.count(tmp_path / "more" / "a") == 1


def test_missing_data_is_a_problem_like_any_other_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as refusal:
        train.sweep({"data": ["gone.csv", "lost.csv"], "seed": ["zero"]})

    assert {problem.key for problem in refusal.value.problems} == {"data", "seed"}
    assert list(tmp_path.iterdir()) == []


def test_a_worker_gets_the_same_path_and_logs_as_well(shell, tmp_path):
    (tmp_path / "train.py").write_text(
        "import typedxp\n@typedxp.experiment\n"
        "def train(run: typedxp.Run, data: typedxp.InputPath) -> None:\n    run.log_input(data, name='again')\n"
        "if __name__ == '__main__':\n    train.main()\n"
    )
    write(tmp_path / "data.csv")
    shell("git init -q")

    shell("python train.py data=data.csv -j 1")

    found = RunDirectory(tmp_path / "logs" / "1").read_inputs()
    assert found["data"] == found["again"]


def test_one_name_cannot_be_that_of_two_files(tmp_path):
    run = Run(tmp_path, id=1)
    run.log_input(write(tmp_path / "a" / "data.csv"))
    run.log_input(tmp_path / "a" / "data.csv")

    with pytest.raises(RecordError, match="name=ANOTHER"):
        run.log_input(write(tmp_path / "b" / "data.csv"))


@pytest.mark.parametrize("name", ["", "a\nb", 3])
def test_a_name_is_printable_text(tmp_path, name):
    with pytest.raises(RecordError, match="Data cannot be called"):
        Run(tmp_path, id=1).log_input(write(tmp_path / "a"), name=name)


def test_of_several_ranks_only_the_first_records(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    Run(tmp_path, id=1).log_input(write(tmp_path / "a"))

    assert not (tmp_path / "inputs.jsonl").exists()


def test_a_line_torn_by_a_kill_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data.csv")
    write(tmp_path / "more" / "a")
    directory = RunDirectory(train.run().directory)
    with (directory.path / "inputs.jsonl").open("a") as file:
        file.write('{"name": "torn", "pa')

    assert list(directory.read_inputs()) == ["data", "extra"]
