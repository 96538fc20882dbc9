"""What shows a composition without running anything: --cfg, --info, --help, shell completion."""

from __future__ import annotations

import pytest
import yaml

SCHEMA = """
    class SGD(BaseModel):
        kind: Literal["sgd"] = "sgd"
        lr: float = Field(0.1, gt=0, description="step size", json_schema_extra={"unit": "1/s"})

    class Adam(BaseModel):
        kind: Literal["adam"] = "adam"
        lr: float = 1e-3
        betas: tuple[float, float] = (0.9, 0.999)

    class Config(BaseModel):
        seed: int
        name: str = "run"
        optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind", description="how to go down")
"""


@pytest.fixture(autouse=True)
def schema(desk):
    desk.script(SCHEMA)


def shown(desk, *arguments):
    typed = desk.type(*arguments)
    assert typed.code == 0, typed
    assert desk.written() == set()
    return typed.out


def test_the_composed_config_is_shown_as_yaml(desk):
    assert yaml.safe_load(shown(desk, "--cfg", "job", "optimizer=adam", "seed=3", "name=run-${seed}")) == {
        "seed": 3,
        "name": "run-${seed}",
        "optimizer": {"kind": "adam", "lr": 0.001, "betas": [0.9, 0.999]},
    }
    assert yaml.safe_load(shown(desk, "--cfg", "job", "--resolve", "seed=3", "name=run-${seed}"))["name"] == "run-3"
    assert yaml.safe_load(shown(desk, "--cfg", "job", "-p", "optimizer")) == {"kind": "sgd", "lr": 0.1}
    assert yaml.safe_load(shown(desk, "-c", "job", "seed=4,5"))["seed"] == 4
    assert yaml.safe_load(shown(desk, "--cfg", "hydra")).keys() == {"hydra"}
    assert {"xp", "hydra", "optimizer"} <= yaml.safe_load(shown(desk, "--cfg", "all")).keys()


def test_a_config_that_cannot_be_shown_is_refused(desk):
    assert "nope  (--package)\n    There is no such key in the config." in desk.refused("--cfg", "job", "-p", "nope")
    assert "Did you mean seed?" in desk.refused("--cfg", "job", "sed=3")
    assert "Did you mean adam?" in desk.refused("--cfg", "job", "optimizer=adm")
    assert "This is not an override" in desk.refused("--cfg", "job", "seed")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("all", ["Hydra", "Plugins", "Search path", "Defaults Tree", "Defaults List", "kind: adam"]),
        ("config", ["Search path", "Defaults Tree", "kind: adam"]),
        ("defaults", ["optimizer/adam"]),
        ("defaults-tree", ["optimizer: adam"]),
        ("plugins", ["Installed Hydra Plugins"]),
        ("searchpath", ["structured://"]),
    ],
)
def test_hydra_tells_how_it_composed(desk, part, words):
    told = shown(desk, "optimizer=adam", "--info", part)

    assert [word for word in words if word.lower() not in told.lower()] == []


def test_help_shows_fields_with_types_defaults_constraints_descriptions_units_and_options(desk):
    lines = [" ".join(line.split()) for line in shown(desk, "--help").splitlines()]

    for line in (
        "seed int required",
        "name str [run]",
        "optimizer group [sgd] how to go down",
        "optimizer=sgd",
        "optimizer.lr float [0.1] step size (1/s) > 0",
        "optimizer.betas tuple[float, float] [[0.9,0.999]]",
        "optimizer adam, sgd",
    ):
        assert line in lines, line
    assert any(line.startswith("xp.logs Path [logs]") for line in lines)
    assert any(line.startswith("-n, --dry-run") for line in lines)


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_shells_complete_keys_groups_options_and_settings(desk, monkeypatch, name):
    def completed(line):
        monkeypatch.setenv("COMP_LINE", f"train.py {line}")
        monkeypatch.setenv("COMP_POINT", str(len(f"train.py {line}")))
        return shown(desk, "-sc", f"query={name}").split()

    assert {"optimizer=", "seed=", "xp."} <= set(completed(""))
    assert completed("optimizer=") == ["optimizer=adam", "optimizer=sgd"]
    assert completed("optimizer=ad") == ["optimizer=adam"]
    assert "optimizer.kind=" in completed("optimizer.")
    assert "optimizer.betas." in completed("optimizer=adam optimizer.")
    assert {"xp.logs=", "xp.jobs="} <= set(completed("xp."))


def test_completion_is_installed_by_what_is_printed(desk):
    assert "COMPREPLY" in shown(desk, "-sc", "install=bash")
    assert "Write -sc install=bash" in desk.refused("-sc", "query=ksh")
    assert "Write -sc install=bash" in desk.refused("-sc")
