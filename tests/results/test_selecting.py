from enum import Enum
from pathlib import Path

import numpy as np
import pytest

from typedxp import open_results
from typedxp.vocabulary.documented import DocumentedField, DocumentedSchema


class Activation(Enum):
    RELU = "relu"
    TANH = "tanh"


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ([None, "relu"], None),
        ([None, 0.5], None),
        ([[0.9, 0.999], [0.5, 0.9]], (0.9, 0.999)),
        ([[0.9, 0.999], [0.5, 0.9]], [0.9, 0.999]),
        ([[0.9, 0.999], [0.5, 0.9]], "[0.9, 0.999]"),
        ([True, False], True),
        ([True, "auto"], True),
        ([1, "1"], 1),
        ([1, "1"], np.int64(1)),
        ([{"kind": "a"}, {"kind": "b"}], {"kind": "a"}),
        ([0.1, 1e-5], 0.1),
        (["sgd", "adam"], "sgd"),
        ([["relu", None], ["tanh", None]], (Activation.RELU, None)),
    ],
)
def test_a_point_is_selected_by_what_was_swept(store, values, asked):
    for place, value in enumerate(values):
        store.add({"key": value}, [{"loss": float(place)}])

    assert open_results(store.path)["train.loss"].sel(key=asked).values.tolist() == [0]


@pytest.mark.parametrize(
    ("declared", "values", "asked"),
    [
        ("enum of 'relu' | 'tanh'", ["relu", "tanh"], Activation.RELU),
        ("Path", ["data/a", "data/b"], Path("data/a")),
        ("Path | None", ["data/a", None], Path("data/a")),
    ],
)
def test_enums_and_paths_are_selected_as_such_where_the_schema_declares_them(store, declared, values, asked):
    schema = store.document(DocumentedSchema({"key": (DocumentedField(declared),)}))
    for place, value in enumerate(values):
        store.add({"key": value}, [{"loss": float(place)}], schema=schema)

    loss = open_results(store.path)["train.loss"]

    assert loss.sel(key=asked).values.tolist() == loss.sel(key=str(values[0])).values.tolist() == [0]


def test_several_points_are_selected_by_a_list(store):
    for place, value in enumerate(([1, 2], None, "x")):
        store.add({"key": value}, [{"loss": float(place)}])

    loss = open_results(store.path)["train.loss"]

    assert loss.sel(key=[None, (1, 2)]).values.tolist() == [[1], [0]]
    assert loss.sel(key=slice(None, None)).identical(loss)
    with pytest.raises(KeyError):
        loss.sel(key=(3, 4))


def test_what_has_such_labels_is_plain_xarray_otherwise(store):
    for seed in (0, 1):
        for place, value in enumerate((None, (1, 2))):
            store.add({"key": list(value) if value else None, "seed": seed}, [{"loss": float(place + seed)}])
    loss = open_results(store.path)["train.loss"].isel({"train.step": 0})

    assert (loss - loss.mean("seed")).sel(key=(1, 2)).values.tolist() == [-0.5, 0.5]
    assert (loss.groupby("key") - loss.groupby("key").mean()).shape == (2, 2)
    assert loss.isel(key=[1]).sel(key=(1, 2), seed=1).item() == 2
    assert loss.to_dataframe().shape[0] == 4
