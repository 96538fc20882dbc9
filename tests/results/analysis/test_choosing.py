import math

import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from typedxp.errors import ResultsError
from typedxp.results.analysis.choosing import at, best, last, step_dimensions

NAN = math.nan


@pytest.fixture
def ragged():
    """Two learning rates by two seeds: the runs logged three, two, one and no values; another stream has a gap."""
    loss = [[[3.0, 1.0, 2.0], [5.0, 4.0, NAN]], [[7.0, NAN, NAN], [NAN, NAN, NAN]]]
    accuracy = [[[0.1, 0.5], [NAN, 0.2]], [[0.3, NAN], [NAN, NAN]]]
    return xarray.Dataset(
        {
            "train.loss": (("lr", "seed", "train.step"), loss, {"stream": "train", "units": "nat"}),
            "train.rate": (("lr", "seed", "train.step"), np.arange(12.0).reshape(2, 2, 3), {"stream": "train"}),
            "test.accuracy": (("lr", "seed", "test.step"), accuracy, {"stream": "test"}),
            "score": (("lr", "seed"), [[1.0, 2.0], [3.0, NAN]]),
        },
        {
            "lr": ("lr", [0.1, 0.2], {"key": "optimizer.lr"}),
            "seed": ("seed", [0, 1], {"key": "seed"}),
            "train.step": [0, 10, 20],
            "run": (("lr", "seed"), [[1, 2], [3, -1]]),
        },
    )


def test_the_last_value_is_that_of_each_run(ragged):
    final = last(ragged)

    np.testing.assert_array_equal(final["train.loss"], [[2, 4], [7, NAN]])
    np.testing.assert_array_equal(final["test.accuracy"], [[0.5, 0.2], [0.3, NAN]])
    np.testing.assert_array_equal(final["score"], ragged["score"])
    assert set(final.dims) == {"lr", "seed"}
    assert final["train.loss"].attrs == {"stream": "train", "units": "nat"}
    assert final["run"].identical(ragged["run"])


def test_the_last_value_of_an_array_is_that_of_the_dataset(ragged):
    for name in ragged.data_vars:
        np.testing.assert_array_equal(last(ragged[name]), last(ragged)[name])


def test_one_stream_alone_can_be_cut_to_its_last_value(ragged):
    assert last(ragged, "test.step")["train.loss"].dims == ("lr", "seed", "train.step")
    with pytest.raises(ResultsError, match=r"no dimension 'test.stp'. Did you mean test.step"):
        last(ragged, "test.stp")


def test_text_truths_and_streams_without_records_have_last_values():
    text = np.array([["a", "b"], ["c", None]], dtype=object)

    assert last(xarray.DataArray(text, dims=("run", "train.step"))).values.tolist() == ["b", "c"]
    assert last(xarray.DataArray([[True, False]], dims=("run", "train.step"))).values.tolist() == [False]
    assert np.isnan(last(xarray.DataArray(np.zeros((2, 0)), dims=("run", "train.step")))).all()


def test_a_swept_key_that_is_called_like_steps_is_none(ragged):
    ragged["lr"].attrs["key"] = "model.decay.step"
    ragged["train.step"].attrs["key"] = "epoch"

    assert step_dimensions(ragged.rename(lr="decay.step")) == ("train.step", "test.step")
    assert step_dimensions(ragged["train.loss"]) == ("train.step",)


def test_a_step_is_found_by_its_label_or_else_by_its_place(ragged):
    np.testing.assert_array_equal(at(ragged["train.loss"], 10), [[1, 4], [NAN, NAN]])
    np.testing.assert_array_equal(at(ragged["test.accuracy"], 1), [[0.5, 0.2], [NAN, NAN]])
    np.testing.assert_array_equal(at(ragged["test.accuracy"], -1), [[0.5, 0.2], [NAN, NAN]])
    assert at(ragged, 10, "train.step")["test.accuracy"].dims == ("lr", "seed", "test.step")


def test_the_nearest_step_counts_if_asked_for(ragged):
    np.testing.assert_array_equal(at(ragged["train.loss"], 12, method="nearest"), [[1, 4], [NAN, NAN]])
    with pytest.raises(ResultsError, match=r"train.step has no step 12. It has 3, from 0 to 20: see method='nearest'."):
        at(ragged["train.loss"], 12)
    with pytest.raises(ResultsError, match=r"test.step has no step 2. It has 2 steps, counted from 0."):
        at(ragged["test.accuracy"], 2)


def test_the_best_step_of_each_run_takes_along_its_stream(ragged):
    chosen = best(ragged, "min", ragged["train.loss"])

    np.testing.assert_array_equal(chosen["train.loss"], [[1, 4], [7, NAN]])
    np.testing.assert_array_equal(chosen["train.rate"], [[1, 4], [6, NAN]])
    np.testing.assert_array_equal(chosen["train.step"], [[10, 10], [0, NAN]])
    assert chosen["test.accuracy"].identical(chosen["test.accuracy"].copy(data=ragged["test.accuracy"]))


def test_the_largest_value_is_found_by_its_place_where_steps_have_no_labels(ragged):
    chosen = best(ragged["test.accuracy"], "max", ragged["test.accuracy"])

    np.testing.assert_array_equal(chosen, [[0.5, 0.2], [0.3, NAN]])
    np.testing.assert_array_equal(chosen["test.step"], [[1, 1], [0, NAN]])


def test_the_best_label_of_a_key_tells_itself_and_its_run(ragged):
    chosen = best(ragged, "max", ragged["score"], by="lr")

    assert chosen["score"].values.tolist() == [3, 2]
    assert chosen["lr"].values.tolist() == [0.2, 0.1]
    assert chosen["run"].values.tolist() == [3, 2]
    np.testing.assert_array_equal(chosen["train.loss"], [[7, NAN, NAN], [5, 4, NAN]])


def test_the_best_of_everything_is_one_place(ragged):
    chosen = best(ragged, "min", ragged["train.loss"], by=["lr", "seed", "train.step"])

    assert float(chosen["train.loss"]) == 1
    assert (float(chosen["lr"]), int(chosen["seed"]), int(chosen["train.step"]), int(chosen["run"])) == (0.1, 0, 10, 1)


def test_a_value_that_is_infinite_is_better_than_a_missing_one():
    diverged = xarray.DataArray([[NAN, math.inf], [NAN, -math.inf]], dims=("run", "train.step"))

    assert best(diverged, "min", diverged).values.tolist() == [math.inf, -math.inf]
    assert best(diverged, "max", diverged).values.tolist() == [math.inf, -math.inf]


def test_one_array_can_be_taken_where_another_is_best(ragged):
    chosen = best(ragged["train.rate"], "max", ragged["train.loss"])

    np.testing.assert_array_equal(chosen, [[0, 3], [6, NAN]])
    assert chosen.name == "train.rate"


def test_chunks_give_the_same_and_stay_lazy(ragged):
    chunked = ragged.chunk({"lr": 1, "train.step": 2})

    assert last(chunked)["train.loss"].chunks
    assert best(chunked, "min", chunked["train.loss"])["train.rate"].chunks
    for choose in (last, lambda data: best(data, "min", data["train.loss"])):
        xarray.testing.assert_identical(choose(chunked).compute(), choose(ragged))


@pytest.mark.parametrize(
    ("mode", "of", "by", "message"),
    [
        ("mni", "train.loss", None, "What is best cannot be 'mni'. Did you mean min?"),
        ("min", "train.loss", "sed", "no dimension 'sed'. Did you mean seed?"),
        ("min", "score", None, "score has no dimension of steps: say by which dimension to choose"),
    ],
)
def test_what_cannot_be_best_is_refused(ragged, mode, of, by, message):
    with pytest.raises(ResultsError, match=message):
        best(ragged, mode, ragged[of], by)


def test_what_is_best_must_be_labelled_alike_and_be_numbers(ragged):
    with pytest.raises(ResultsError, match=r"train.loss is not labelled as what is to be chosen"):
        best(ragged["train.rate"], "min", ragged["train.loss"].isel(lr=[0]))
    with pytest.raises(ResultsError, match="holds no numbers"):
        best(ragged, "min", ragged["train.loss"].astype(object))


numbers = st.floats(-10, 10) | st.sampled_from([NAN, math.inf, -math.inf])


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 5)), elements=numbers), st.booleans())
def test_the_last_and_the_best_are_those_that_a_loop_finds(values, smallest):
    array = xarray.DataArray(values, dims=("run", "train.step"))
    mode, choose = ("min", min) if smallest else ("max", max)

    there = [[value for value in row if not math.isnan(value)] for row in values.tolist()]

    np.testing.assert_array_equal(last(array), [row[-1] if row else NAN for row in there])
    np.testing.assert_array_equal(best(array, mode, array), [choose(row) if row else NAN for row in there])
