"""What is written down of a schema says what its fields mean, and tells the members of unions apart."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

import typedxp
from typedxp.vocabulary.documented import DocumentedField, document
from typedxp.vocabulary.schema import MISSING


class SGD(BaseModel):
    kind: Literal["sgd"] = "sgd"
    lr: float = Field(0.1, description="step size")
    key: SecretStr = SecretStr("s3cret")


class Adam(BaseModel):
    kind: Literal["adam"] = "adam"
    lr: float = Field(0.001, description="first rate", alias="rate", json_schema_extra={"unit": "1/s"})


Optimizer = Annotated[SGD | Adam, Field(discriminator="kind")]


class Data(BaseModel):
    path: str = "data"
    size: int = 10
    token: SecretStr | None = None
    augment: Optimizer = Field(default_factory=SGD)


class Config(BaseModel):
    seed: int
    limit: float = float("inf")
    optimizer: Optimizer = Field(default_factory=SGD)
    data: Data = Data()
    other: Data = Data(size=20, token=SecretStr("s3cret"), augment=Adam(rate=3))
    maybe: Data | None = None
    special: Optimizer = Field(default_factory=lambda: Adam(rate=0.5))
    parts: list[Data] = [Data(token=SecretStr("s3cret"))]


@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    """Do nothing."""


@pytest.fixture(scope="module")
def documented():
    return document(train.schema)


def test_every_key_of_the_schema_is_there_in_its_order(documented):
    assert list(documented.fields) == list(dict.fromkeys(".".join(key) for key, _ in train.schema.keys()))


def test_a_field_tells_its_type_and_what_it_means(documented):
    assert documented.fields["seed"] == (DocumentedField("int", MISSING, required=True),)
    assert documented.fields["limit"] == (DocumentedField("float", float("inf")),)
    assert documented.fields["data.size"] == (DocumentedField("int", 10),)


def test_the_members_of_a_union_are_kept_apart_by_their_options(documented):
    assert documented.fields["optimizer"] == (DocumentedField("SGD | Adam", "sgd"),)
    assert documented.fields["optimizer.lr"] == (
        DocumentedField("float", 0.1, description="step size", members={"optimizer": "sgd"}),
        DocumentedField(
            "float", 0.001, description="first rate", unit="1/s", aliases=("rate",), members={"optimizer": "adam"}
        ),
    )
    assert [found.members for found in documented.fields["maybe.augment.lr"]] == [
        {"maybe": "data", "maybe.augment": "sgd"},
        {"maybe": "data", "maybe.augment": "adam"},
    ]


def test_the_default_is_the_one_that_a_run_would_use(documented):
    assert documented.fields["other.path"][0].default == "data"
    assert documented.fields["other.size"][0].default == 20
    assert documented.fields["other.augment"][0].default == "default"
    assert documented.fields["data.augment"][0].default == "sgd"
    assert documented.fields["special"][0].default == "default"
    assert documented.fields["maybe"][0].default is None
    assert [found.default for found in documented.fields["special.lr"]] == [0.1, 0.001]


def test_secrets_are_not_written_down(documented):
    assert "s3cret" not in repr(asdict(documented))
    assert documented.fields["optimizer.key"][0].default == MISSING
    assert documented.fields["other.token"][0].default == MISSING
    assert documented.fields["parts"][0].default == MISSING


@pytest.mark.parametrize(
    ("key", "choices", "description"),
    [
        ("optimizer.lr", {"optimizer": "sgd"}, "step size"),
        ("optimizer.lr", {"optimizer": "adam"}, "first rate"),
        ("optimizer.lr", {"optimizer": "fast"}, "step size"),
        ("optimizer.lr", {}, "step size"),
        ("maybe.augment.lr", {"maybe": "data", "maybe.augment": "adam"}, "first rate"),
    ],
)
def test_a_reader_finds_the_field_of_the_options_that_a_run_chose(documented, key, choices, description):
    assert documented.field(key, choices).description == description


def test_a_reader_finds_no_field_where_there_is_none(documented):
    assert documented.field("optimizer.momentum", {}) is None
