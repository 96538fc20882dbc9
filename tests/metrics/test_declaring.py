"""What a run logs is declared by annotations, and a declaration that cannot be kept is refused when it is made."""

import dataclasses
from typing import Annotated, Any, ClassVar, NotRequired, TypedDict

import pydantic
import pytest
from pydantic import Field

from typedxp import Array, DeclarationError, Description, Metrics, Run, Stream, Unit, experiment
from typedxp.vocabulary.declared import declared
from typedxp.vocabulary.metrics import Variable

LOSS = Variable("float", unit="nats", description="mean over the batch")
EPOCH = Variable("int")


class Plain:
    loss: Annotated[float, Unit("nats"), Description("mean over the batch")]
    epoch: int


class Typed(TypedDict):
    loss: Annotated[float | None, Unit("nats"), Description("mean over the batch")]
    epoch: NotRequired[int]


@dataclasses.dataclass
class Data:
    loss: Annotated[float, Field(description="mean over the batch", json_schema_extra={"unit": "nats"})]
    epoch: int = 0
    count: ClassVar[int] = 0


@pydantic.dataclasses.dataclass
class PydanticData:
    loss: float = Field(description="mean over the batch", json_schema_extra={"units": "nats"})
    epoch: int = 0


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)

    loss: float = Field(description="mean over the batch", json_schema_extra={"unit": "nats"})
    epoch: int | None = None


class AnnotatedModel(pydantic.BaseModel):
    loss: Annotated[float, Unit("nats")] = Field(description="mean over the batch")
    epoch: Annotated[int, Field(ge=0)]


@pytest.mark.parametrize("record", [Plain, Typed, Data, PydanticData, Model, AnnotatedModel])
def test_any_class_with_typed_names_declares_the_records_of_a_stream(record):
    class Logged(Metrics):
        train: Stream[record]

    assert declared(Logged) == {"train": {"loss": LOSS, "epoch": EPOCH}}


class Common(Metrics):
    train: Stream[Plain]
    accuracy: Annotated[float, Unit("%")]


class More(Plain):
    grad: bool


class Special(Common):
    test: Stream[More]
    best: str
    confusion: Annotated[Array["true", "predicted"], Unit("images"), Description("how often")]  # noqa: F821


def test_declarations_are_inherited():
    assert declared(Special) == {
        "train": {"loss": LOSS, "epoch": EPOCH},
        "test": {"loss": LOSS, "epoch": EPOCH, "grad": Variable("bool")},
        "summary": {
            "accuracy": Variable("float", unit="%"),
            "best": Variable("str"),
            "confusion": Variable("float", ("true", "predicted"), "images", "how often"),
        },
    }


class Wrong(Metrics):
    train: Stream[float]
    test: Stream
    images: list[float]
    where: complex
    either: int | str
    anything: Any
    shapeless: Array
    square: Array["a", "a"]  # noqa: F821
    spaced: Array["a b"]  # noqa: F722
    numbered: Array[3]
    _hidden: float
    summary: Stream[Plain]
    system: Stream[Plain]
    größe: Stream[Plain]  # noqa: PLC2401


def test_everything_that_cannot_be_logged_is_named_at_once():
    with pytest.raises(DeclarationError) as refusal:
        declared(Wrong)

    first, *problems = str(refusal.value).splitlines()
    assert first == "Wrong cannot be the metrics of an experiment:"
    assert [problem.strip().partition(":")[0] for problem in problems] == list(Wrong.__annotations__)
    assert "  where: complex is not bool, int, float, str or Array." in problems
    assert "  either: int | str is not bool, int, float, str or Array." in problems
    assert "  square: dimensions need names, each another one, not 'a', 'a'." in problems


def test_an_experiment_with_such_metrics_is_refused_when_it_is_declared():
    with pytest.raises(DeclarationError, match="where: complex is not"):

        @experiment
        def train(run: Run[Wrong]) -> None: ...


def test_metrics_of_something_else_are_refused():
    with pytest.raises(DeclarationError, match=r"declared by a subclass of typedxp\.Metrics"):

        @experiment
        def train(run: Run[Plain]) -> None: ...


def test_a_name_that_is_not_defined_is_refused():
    class Late(Metrics):
        train: "Stream[NotThere]"  # noqa: F821

    with pytest.raises(DeclarationError, match="'NotThere' is not defined"):
        declared(Late)


@pytest.mark.parametrize("annotation", [Run, Run[Any], None])
def test_runs_without_declared_metrics_stay_possible(annotation):
    def train(run, lr: float = 0.1): ...

    if annotation is not None:
        train.__annotations__["run"] = annotation

    assert experiment(train).metrics is None
