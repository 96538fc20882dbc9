"""Models inside lists, mappings and mixed unions are checked like all others."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCHEMA = """
    class Layer(BaseModel):
        width: int = 1
        token: SecretStr = SecretStr("quiet-default")
        below: list[Layer] = []

    @dataclasses.dataclass
    class Step:
        size: int = 1

    class Adam(BaseModel):
        lr: float = 1.0

    class Config(BaseModel):
        layers: list[Layer] = []
        named: dict[str, Layer] = {}
        pair: tuple[Layer, int] = (Layer(), 1)
        either: Layer | str = "none"
        literal: Adam | Literal["none"] = "none"
        steps: list[Step] = []
        several: list[Step | Adam] = []
"""


@pytest.mark.parametrize(
    ("override", "key", "nearest"),
    [
        ("layers=[{widht:5}]", "layers.0.widht", "width"),
        ("layers=[{below:[{widht:5}]}]", "layers.0.below.0.widht", "width"),
        ("+named={a:{widht:5}}", "named.a.widht", "width"),
        ("pair=[{widht:5},2]", "pair.0.widht", "width"),
        ("either={widht:5}", "either.widht", "width"),
        ("literal={lrr:5}", "literal.lrr", "lr"),
        ("steps=[{sice:5}]", "steps.0.sice", "size"),
        ("several=[{sice:5}]", "several.0.sice", "size"),
    ],
)
def test_an_unknown_key_inside_a_container_is_refused_with_the_nearest(desk, override, key, nearest):
    desk.script(SCHEMA)

    message = desk.refused(override)

    assert key in message
    assert f"Did you mean {nearest}?" in message


def test_known_keys_inside_containers_are_taken(desk):
    desk.script(SCHEMA)

    config = desk.config("layers=[{width:5,below:[{width:6}]}]", "either={width:7}", "+named={a:{width:8}}")

    assert config.layers[0].below[0].width == 6
    assert (config.either.width, config.named["a"].width) == (7, 8)
    assert config.pair[0].token.get_secret_value() == "quiet-default"


@pytest.mark.parametrize(
    "override", ["layers=[{token:hunter22}]", "either={token:hunter22}", "+named={a:{token:hunter22}}"]
)
def test_a_secret_inside_a_container_is_a_secret(desk, override):
    desk.script(SCHEMA)

    config = desk.config(override)
    shown = desk.type(override, "--cfg", "job")
    refused = desk.refused(override, "steps=[hunter22]")

    [layer] = [*config.layers, *config.named.values(), *([config.either] if config.either != "none" else [])]
    assert layer.token.get_secret_value() == "hunter22"
    assert shown.code == 0
    assert "hunter22" not in shown.out + shown.err + refused
    for path in (desk.path / "logs").rglob("*"):
        assert not path.is_file() or "hunter22" not in path.read_text(encoding="utf-8"), path


def test_a_secret_that_could_not_be_read_back_is_refused(desk):
    desk.script("class Config(BaseModel):\n    words: set[SecretStr] = set()")

    assert "cannot be read back" in desk.refused("words=[hunter22]")


def test_a_secret_below_a_key_that_cannot_be_written_is_refused(desk):
    desk.script("class Config(BaseModel):\n    words: dict[str, SecretStr] = {}")

    assert desk.config("+words={a:hunter22}").words["a"].get_secret_value() == "hunter22"
    assert "cannot be read back" in desk.refused("+words={a.b:hunter22}")


def test_workers_get_the_secrets_inside_containers(desk):
    desk.script(
        SCHEMA,
        """
        @typedxp.experiment
        def train(config: Config, run: typedxp.Run) -> None:
            assert config.layers[0].token.get_secret_value() == "hunter22"

        if __name__ == "__main__":
            train.main()
        """,
    )

    command = [sys.executable, "train.py", "layers=[{token:hunter22,width:1},{width:2}]", "either=a,b", "-j", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done
    assert "hunter22" not in done.stdout + done.stderr


def test_a_config_from_python_keeps_the_secrets_inside_containers(desk):
    desk.script(SCHEMA)
    layer = desk.module.Layer(token="hunter22")

    desk.experiment.run(desk.module.Config(layers=[layer]))

    assert desk.module.seen[0].layers[0].token.get_secret_value() == "hunter22"
