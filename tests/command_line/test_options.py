"""Options: one class for several, defaults lists in included files, and the name of one where a mapping is wanted."""

from __future__ import annotations

import random

import pytest

SCHEMA = """
    class SGD(BaseModel):
        kind: Literal["sgd"] = "sgd"
        lr: float = 0.1

    class Adam(BaseModel):
        kind: Literal["adam", "adamw"] = "adam"
        lr: float = 0.2

    class Config(BaseModel):
        optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")
        other: SGD | Adam = Field(default_factory=lambda: Adam(kind="adamw"), discriminator="kind")
        n: int = 0
"""

TRAIN = """
@typedxp.experiment(config_path="conf")
def train(config: Config, run: typedxp.Run) -> None:
    seen.append(config)
"""


@pytest.mark.parametrize(
    "overrides", [["optimizer=adamw"], ["optimizer.kind=adamw"], ["optimizer=adam", "optimizer.kind=adamw"]]
)
def test_every_value_of_a_discriminator_can_be_chosen(desk, overrides):
    desk.script(SCHEMA)

    config = desk.config(*overrides)

    assert (config.optimizer.kind, config.optimizer.lr) == ("adamw", 0.2)
    assert type(config.optimizer).__name__ == "Adam"
    assert config.other.kind == "adamw"
    assert desk.config("optimizer=adam").optimizer.kind == "adam"


def test_yaml_may_set_any_value_of_a_discriminator(desk):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "optimizer: {kind: adamw}\n")

    assert desk.config().optimizer.kind == "adamw"


def test_an_instance_keeps_the_value_of_its_discriminator(desk):
    desk.script(SCHEMA)
    desk.experiment.run(desk.module.Config(optimizer=desk.module.Adam(kind="adamw")))

    assert desk.module.seen[0].optimizer.kind == "adamw"


def test_an_included_file_may_choose_options(desk):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "defaults: [base, sub/more@_global_, _self_]\nn: 2\n")
    desk.write("conf/base.yaml", "defaults:\n  - optimizer: adam\n")
    desk.write("conf/sub/more.yaml", "defaults:\n  - /other: sgd\n")

    config = desk.config()

    assert (config.optimizer.kind, config.other.kind, config.n) == ("adam", "sgd", 2)
    assert desk.config("optimizer=sgd").optimizer.kind == "sgd"


def test_the_name_of_an_option_where_a_mapping_is_wanted_gets_advice(desk):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "optimizer: adam\n")

    message = desk.refused()

    assert "- optimizer: adam" in message
    assert "optimizer: {kind: adam}" in message
    assert "Options: sgd, adam, adamw" in message


def test_a_parameter_that_is_null_takes_anything(desk):
    desk.script("", "@typedxp.experiment\ndef train(run, ckpt=None) -> None:\n    seen.append(ckpt)")

    assert desk.configs() == [None]
    assert desk.configs("ckpt=a/b.pt") == ["a/b.pt"]
    assert desk.configs("ckpt=3") == [3]


def test_yaml_files_of_a_notebook_lie_in_the_current_directory(desk):
    source = "import typedxp\n@typedxp.experiment(config_path='conf')\ndef train(n: int = 1) -> None: seen.append(n)\n"
    names = {"seen": (seen := [])}
    exec(compile(source, "<ipython-input-1>", "exec"), names)
    desk.write("conf/config.yaml", "n: 7\n")

    names["train"].run()

    assert seen == [7]


@pytest.mark.parametrize("values", ["shuffle(1,2,3,4)", "shuffle(range(1,5))", "shuffle(range(1,5,1.0))"])
def test_shuffling_leaves_the_random_numbers_of_the_user_alone(desk, values):
    desk.script(SCHEMA)
    state = random.getstate()

    configs = desk.configs(f"n={values}")

    assert sorted(config.n for config in configs) == [1, 2, 3, 4]
    assert random.getstate() == state


@pytest.mark.parametrize("key", ["model.optt.token", "model.opt.tokken"])
def test_the_value_for_a_misspelt_key_of_a_secret_is_not_shown(desk, key):
    desk.script(
        """
        class Opt(BaseModel):
            token: SecretStr = SecretStr("x")

        class Model(BaseModel):
            opt: Opt = Opt()

        class Config(BaseModel):
            model: Model = Model()
        """
    )

    assert "abcd" not in desk.refused(f"{key}=abcd")
    assert "abcd" not in desk.refused(f"+{key}=abcd")
