"""What nobody would type on purpose is refused, or taken, but never crashes."""

from __future__ import annotations

import pytest

SCHEMA = """
    class Part(BaseModel):
        n: int = 1

    class Config(BaseModel):
        a: Part = Part()
        tags: list[int] = []
        table: dict[int, int] = {}
"""

TRAIN = """
@typedxp.experiment(config_path="conf")
def train(config: Config, run: typedxp.Run) -> None:
    seen.append(config)
"""

UNTYPED = """
from omegaconf import DictConfig

@typedxp.experiment(config_path="conf")
def train(config: DictConfig, run: typedxp.Run) -> None:
    seen.append(config)
"""


@pytest.mark.parametrize(("text", "key"), [("1: 2\n", "1"), ("a: {5: 1}\n", "a.5"), ("1.5: 2\n", "1.5")])
def test_a_number_for_a_key_is_no_key_of_a_schema(desk, text, key):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", text)

    message = desk.refused()

    assert f"\n  {key} " in message
    assert "There is no such key" in message


def test_numbers_are_keys_of_a_mapping(desk):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "table: {5: 1, 6: '${a.n}'}\n")

    assert desk.config().table == {5: 1, 6: 1}


def test_numbers_and_words_may_be_keys_of_one_mapping_without_a_schema(desk):
    desk.script("", UNTYPED)
    desk.write("conf/config.yaml", "m: {1: a, b: c, 2: '${m.b}'}\n")

    config = desk.config()

    assert (config.m[1], config.m["b"], config.m[2]) == ("a", "c", "c")


def test_mappings_with_numbers_for_keys_are_swept(desk):
    desk.script("", UNTYPED)
    desk.write("conf/config.yaml", "x: 1\n")

    assert desk.type("-n", "+k={1:a},{1:b}").code == 0
    assert [config.k[1] for config in desk.configs("+k={1:a},{1:b}")] == ["a", "b"]


def test_an_element_is_added_at_the_end_of_a_list_only(desk):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "a: {n: 2}\n")

    assert desk.config("+tags.0=1").tags == [1]
    assert desk.config("+tags.0=1", "+tags.1=7").tags == [1, 7]
    assert "The list has 0 elements" in desk.refused("+tags.3=1")
    assert "The list has 0 elements" in desk.refused("++tags.x=1")


@pytest.mark.parametrize("override", ["~xp", "xp=5", "xp=null", "++xp=[1]"])
def test_the_settings_as_a_whole_cannot_be_replaced(desk, override):
    desk.script(SCHEMA, TRAIN)
    desk.write("conf/config.yaml", "a: {n: 2}\n")

    assert "settings" in desk.refused(override)


def test_a_field_that_holds_an_array_is_named(desk):
    desk.script(
        """
        import numpy

        class Config(BaseModel):
            model_config = ConfigDict(arbitrary_types_allowed=True)
            weights: numpy.ndarray = Field(default_factory=lambda: numpy.zeros(3))
            more: numpy.ndarray = numpy.ones(2)
        """
    )

    message = desk.refused()

    assert "weights: ndarray cannot be given" in message
    assert "more: ndarray cannot be given" in message


def test_an_alias_belongs_to_its_own_member_of_a_union(desk):
    desk.script(
        """
        class SGD(BaseModel):
            lr: float = 0.1

        class Adam(BaseModel):
            lr: float = Field(0.2, alias="rate")

        class Config(BaseModel):
            optimizer: SGD | Adam = SGD()
        """
    )

    for given in ("optimizer.rate=3", "optimizer={rate:3}"):
        message = desk.refused("optimizer=sgd", given)
        assert "There is no such key" in message
        assert "It belongs to optimizer=adam" in message
    assert desk.config("optimizer=adam", "optimizer.rate=3").optimizer.lr == 3
    assert desk.config("optimizer=adam", "optimizer={rate:4}").optimizer.lr == 4
    assert [config.optimizer.lr for config in desk.configs("optimizer=adam", "optimizer.rate=5,6")] == [5, 6]
