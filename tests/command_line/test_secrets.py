"""Secrets reach the function, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCHEMA = """
    class Inner(BaseModel):
        token: SecretStr = SecretStr("default-token")

    class Config(BaseModel):
        password: SecretStr = Field(SecretStr("default-password"), min_length=3)
        raw: SecretBytes = SecretBytes(b"default-raw")
        several: list[SecretStr] = []
        maybe: SecretStr | None = None
        inner: Inner = Inner()
        n: int = 1
        note: str = ""
"""

TRAIN = """
@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    assert config.raw.get_secret_value() == b"default-raw"
    assert config.inner.token.get_secret_value() == "sesame-4"
    assert [secret.get_secret_value() for secret in config.several] == ["sesame-2", "sesame-3"]
    assert config.password.get_secret_value() == "sesame-1"
    run.log_metrics({"n": config.n})

if __name__ == "__main__":
    train.main()
"""

GIVEN = ["password=sesame-1", "several=[sesame-2,sesame-3]", "inner={token:sesame-4}"]


@pytest.mark.parametrize("jobs", [[], ["-j", "2"]])
def test_secrets_reach_the_function_and_no_file(desk, jobs):
    desk.script(SCHEMA, TRAIN)

    done = subprocess.run(
        [sys.executable, "train.py", *GIVEN, "n=1,2", *jobs],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done
    files = [path for path in (desk.path / "logs").rglob("*") if path.is_file()]
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert len(files) >= 6
    for word in ("sesame", "default-password", "default-raw", "default-token"):
        assert not [path for path, text in zip(files, texts, strict=True) if word in text], word
        assert word not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["password=[sesame-1]"],
        ["password={a:sesame-1}"],
        ["password=sesame-1", "n=x"],
        ["password=sesame-1", "n=sesame-1"],
        ["password=sesame-1", "+bad=sesame-1"],
        ["inner.token={a:sesame-1}"],
        ["several=sesame-1"],
        ["password=sesame-1,sesame-2", "n=x"],
    ],
)
def test_no_refusal_shows_a_secret(desk, arguments):
    desk.script(SCHEMA)

    assert "sesame" not in desk.refused(*arguments)


@pytest.mark.parametrize(
    "flags", [["-n"], ["--cfg", "job"], ["--cfg", "job", "--resolve"], ["--cfg", "all"], ["--help"]]
)
def test_nothing_that_is_printed_shows_a_secret(desk, flags):
    desk.script(SCHEMA)
    arguments = [] if flags == ["--help"] else [*GIVEN, "note=x"]

    typed = desk.type(*flags, *arguments)

    assert typed.code == 0, typed
    assert "sesame" not in typed.out + typed.err
    assert "default-" not in typed.out + typed.err


def test_a_short_secret_does_not_spoil_the_message(desk):
    desk.script(SCHEMA)

    assert "Value should have at least 3 items after validation, not 1" in desk.refused("password=h")


def test_a_sweep_over_secrets_is_as_long_as_it_was_typed(desk):
    desk.script(SCHEMA)

    assert [config.password.get_secret_value() for config in desk.configs("password=sesame-1,sesame-2")] == [
        "sesame-1",
        "sesame-2",
    ]


def test_a_secret_that_looks_like_a_number_arrives_as_it_was_typed(desk):
    desk.script(SCHEMA)

    assert desk.config("password=007").password.get_secret_value() == "007"


def test_a_text_that_refers_to_a_secret_is_refused_rather_than_written_down(desk):
    desk.script(SCHEMA)

    told = desk.refused("password=sesame-1", "note=https://me:${password}@host")

    assert "note" in told
    assert "It would write down the secret of password: give it a field of its own, of type SecretStr." in told
    assert "sesame" not in told


def test_what_refers_to_a_secret_is_printed_without_it(desk):
    desk.script(SCHEMA)

    typed = desk.type("--cfg", "job", "--resolve", "password=sesame-1", "note=https://me:${password}@host")

    assert "note: https://me:**********@host" in typed.out
    assert "sesame" not in typed.out + typed.err
