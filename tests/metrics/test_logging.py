"""Declared metrics are checked at the call that logs them."""

import json
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp import Array, Metrics, RecordError, Run, Stream, Unit


class TrainStep:
    loss: Annotated[float, Unit("nats")]
    epoch: int
    good: bool
    note: str


class TestStep:
    per_class: Array["class"]  # noqa: F722


class Logged(Metrics):
    train: Stream[TrainStep]
    test: Stream[TestStep]
    accuracy: float
    confusion: Array["true", "predicted"]  # noqa: F821


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, None, id=1, metrics=Logged)


def records(run, stream):
    return [json.loads(line) for line in (run.directory / "metrics" / f"{stream}.jsonl").read_text().splitlines()]


class Scalar:
    """Stands in for the tensor of a library that is not installed here: its items have to be asked for."""

    def __init__(self, value):
        self.value = value

    def __len__(self):
        raise TypeError("len() of a 0-d tensor")

    def tolist(self):
        return self.value


@pytest.mark.parametrize(
    "record",
    [
        {"loss": 0.5, "epoch": 1},
        {"loss": 1},
        {"loss": None, "epoch": None},
        {"loss": np.float32(0.5), "epoch": np.int64(3), "good": np.bool_(True), "note": np.str_("x")},
        {"loss": np.array(0.5), "epoch": np.array(3)},
        {"loss": Scalar(0.5), "epoch": Scalar(3)},
        {"loss": float("nan")},
        {"epoch": 2**70},
        {"step": 3, "loss": 0.1},
        {},
    ],
)
def test_what_was_declared_is_recorded(run, record):
    run.log_metrics(record)
    run.log_metrics(record)

    [first, second] = records(run, "train")
    assert first == second
    assert list(first) == list(record)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"los": 0.5}, "The metric 'los' is not declared. Did you mean loss?"),
        ({"entirely": 0.5}, "The metric 'entirely' is not declared. Known: accuracy, confusion, epoch, good, loss"),
        ({"acuracy": 0.5}, "The metric 'acuracy' is not declared. Did you mean accuracy?"),
        ({"loss": 0.5, "accuracy": 1.0}, "The metric 'loss' is declared in the stream 'train', not in 'summary'."),
        ({"loss": "0.5"}, "The metric 'loss' is declared as float, and was given '0.5'."),
        ({"loss": True}, "The metric 'loss' is declared as float, and was given True."),
        ({"epoch": 1.0}, "The metric 'epoch' is declared as int, and was given 1.0."),
        ({"epoch": np.float64(1)}, "The metric 'epoch' is declared as int, and was given 1.0."),
        ({"good": 1}, "The metric 'good' is declared as bool, and was given 1."),
        ({"note": 1}, "The metric 'note' is declared as str, and was given 1."),
        ({"loss": [0.5]}, "The metric 'loss' is declared as one float, and was given 1 dimensions."),
        ({"loss": []}, "The metric 'loss' is declared as one float, and was given 1 dimensions."),
        ({"loss": np.zeros((2, 2))}, "The metric 'loss' is declared as one float, and was given 2 dimensions."),
        ({"confusion": 0.5}, "declared as an array with the dimensions true, predicted, and was given 0.5."),
        ({"confusion": [0.5]}, "declared as an array with the dimensions true, predicted, and was given 1 dimensions."),
        ({"confusion": [[1], [1, 2]]}, "the dimensions true, predicted, and was given a ragged list."),
        ({"confusion": [[1], 2]}, "the dimensions true, predicted, and was given a ragged list."),
        ({"confusion": [["x"]]}, "The metric 'confusion' is declared as float, and was given 'x'."),
        ({"los": 1.0, "epoch": "x"}, "'los' is not declared. Did you mean loss? The metric 'epoch' is declared as int"),
        ({3: 0.5}, "The metric 3 is not declared."),
        ({"loss": object()}, "The metric 'loss' is a object: log scalars"),
        (0.5, "Log a mapping of names to scalars"),
        (None, "Log a mapping of names to scalars"),
    ],
)
def test_a_misspelt_or_ill_typed_metric_is_an_error_at_the_call(run, record, problem):
    run.log(loss=0.5, epoch=1)

    with pytest.raises(RecordError) as refusal:
        run.log_metrics(record)

    assert problem in str(refusal.value)
    run.log(loss=0.5, epoch=1)
    assert records(run, "train") == [{"loss": 0.5, "epoch": 1}] * 2
    assert not (run.directory / "metrics" / "summary.jsonl").exists()


def test_a_misspelt_stream_is_an_error_at_the_call(run):
    with pytest.raises(RecordError, match=r"The stream 'tset' is not declared\. Did you mean test\?"):
        run.log_metrics({"per_class": [0.5]}, "tset")


def test_metrics_in_no_stream_are_logged_once_into_the_summary(run):
    run.log(accuracy=0.9)
    run.log(confusion=np.eye(2))

    assert records(run, "summary") == [{"accuracy": 0.9}, {"confusion": [[1.0, 0.0], [0.0, 1.0]]}]


def test_where_nothing_but_a_summary_is_declared_a_misspelt_metric_is_still_found_out(tmp_path):
    class Once(Metrics):
        accuracy: float

    with pytest.raises(RecordError, match="Did you mean accuracy"):
        Run(tmp_path, None, id=1, metrics=Once).log(acuracy=0.5)


@pytest.mark.parametrize("wrong", [np.zeros(2), np.array("x"), Scalar([1.0]), Scalar("x")])
def test_values_of_a_type_that_says_little_are_looked_at_each_time(run, wrong):
    run.log(loss=np.array(0.5))
    run.log(loss=Scalar(0.5))

    with pytest.raises(RecordError, match="'loss' is declared as"):
        run.log(loss=wrong)


def test_arrays_are_looked_at_each_time(run):
    run.log_metrics({"per_class": [0.5, 1]}, "test")

    with pytest.raises(RecordError, match="was given 'x'"):
        run.log_metrics({"per_class": [0.5, "x"]}, "test")
    with pytest.raises(RecordError, match="is a list: log scalars"):
        run.log_metrics({"per_class": [object()]}, "test")


@pytest.mark.parametrize("empty", [[], np.zeros(0), np.zeros((0, 3))])
def test_an_array_may_be_empty(run, empty):
    run.log(confusion=empty)

    assert records(run, "summary") == [{"confusion": []}]


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


@given(st.dictionaries(st.sampled_from(["loss", "epoch", "good", "note"]), values))
def test_a_record_is_kept_whole_or_refused(tmp_path_factory, record):
    types = {"loss": (int, float), "epoch": (int,), "good": (bool,), "note": (str,)}
    run = Run(tmp_path_factory.mktemp("run"), None, id=1, metrics=Logged)
    fits = all(
        value is None or (isinstance(value, types[key]) and isinstance(value, bool) == (key == "good"))
        for key, value in record.items()
    )
    if fits:
        run.log_metrics(record)
        assert [list(found) for found in records(run, "train")] == [list(record)]
    else:
        with pytest.raises(RecordError):
            run.log_metrics(record)
