import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st

from typedxp.results.layout.labels import identity, label_array

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["None", "True", "[1]", '"None"'])
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([3, 1, 2], np.int64),
        ([0.1, 1e-5], np.float64),
        ([1, 0.5], np.float64),
        ([True, False], np.bool_),
        (["sgd", "adam"], np.dtype("<U4")),
    ],
)
def test_labels_have_their_natural_type_and_order(values, dtype):
    labels = label_array(values)

    assert labels.dtype == dtype
    assert labels.tolist() == values


def test_none_among_numbers_is_nan():
    labels = label_array([None, 2, 0.5])

    assert labels.dtype == np.float64
    np.testing.assert_array_equal(labels, [np.nan, 2, 0.5])


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([None, "relu"], ["None", "relu"]),
        ([[0.9, 0.999], [0.5, 0.9]], ["[0.9, 0.999]", "[0.5, 0.9]"]),
        ([{"a": 1}, None], ['{"a": 1}', "None"]),
        (["a", "a\0"], ['"a"', '"a\\u0000"']),
        ([None, "None"], ["None", '"None"']),
        ([True, 1], ["True", "1"]),
        ([True, 1, "True"], ["True", "1", '"True"']),
        ([True, None, "auto"], ["True", "None", "auto"]),
        ([32, "32"], ["32", '"32"']),
        ([2**53 + 1, 0.5], ["9007199254740993", "0.5"]),
        ([2**70, 1], ["1180591620717411303424", "1"]),
        ([None, float("nan"), 1.0], ["None", "nan", "1.0"]),
    ],
)
def test_what_cannot_be_a_label_is_labelled_by_text(values, labels):
    assert label_array(values).tolist() == labels


@pytest.mark.parametrize("values", [[0.1, 1e-3], [1, 0.5], [True, False], ["sgd", "adam"], [3, 1]])
def test_a_point_is_selected_by_the_value_as_typed(values):
    array = xarray.DataArray([10, 20], dims="key", coords={"key": label_array(values)})

    assert [int(array.sel(key=value)) for value in values] == [10, 20]


def test_equal_numbers_are_the_same_value_and_truths_are_not_numbers():
    assert identity(1) == identity(1.0)
    assert identity(True) != identity(1)
    assert identity("1") != identity(1)
    assert identity(None) != identity("None")
    assert identity(float("nan")) == identity(float("nan"))
    assert identity([1, 2]) == identity((1, 2))


@given(st.lists(values, min_size=1, max_size=6, unique_by=identity))
def test_different_values_have_different_labels_that_can_be_selected(values):
    labels = label_array(values)
    array = xarray.DataArray(range(len(values)), dims="key", coords={"key": labels})

    assert array.indexes["key"].is_unique
    assert [int(array.sel(key=label)) for label in labels.tolist()] == list(range(len(values)))
