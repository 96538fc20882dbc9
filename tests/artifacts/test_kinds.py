"""What comes back is what was saved, for every kind."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pydantic
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from typedxp.artifacts.directory import Artifacts
from typedxp.errors import RecordError, ResultsError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_plain_values_come_back_from_json(tmp_path, value):
    artifacts = Artifacts(tmp_path / "artifacts")
    record = artifacts.save(value, "a.json")
    again = artifacts.load("a.json")

    assert (again, repr(again)) == (value, repr(value))
    assert record.size == (artifacts.directory / "a.json").stat().st_size


@given(st.text(st.characters()) | st.sampled_from(["\r\n", "\udc80", "\ufeffx", ""]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_text_comes_back_to_the_last_character(tmp_path, value):
    artifacts = Artifacts(tmp_path / "artifacts")
    artifacts.save(value, "a.md")

    assert artifacts.load("a.md") == value


def test_json_keeps_what_is_not_finite_and_is_spelt_as_its_readers_do(artifacts):
    artifacts.save({"a": [math.nan, math.inf, -math.inf, -0.0, 2**70]}, "a.json")

    assert "NaN" in (artifacts.directory / "a.json").read_text()
    nan, *others = artifacts.load("a.json")["a"]
    assert math.isnan(nan)
    assert repr(others) == repr([math.inf, -math.inf, -0.0, 2**70])


@dataclasses.dataclass
class Score:
    value: float
    confusion: np.ndarray


class Model(pydantic.BaseModel):
    lr: float = 0.1
    key: pydantic.SecretStr = pydantic.SecretStr("hidden")


def test_json_takes_models_dataclasses_and_the_arrays_in_them(artifacts):
    artifacts.save({"score": Score(0.5, np.eye(2)), "model": Model(), "mean": np.float32(0.5), "pair": (1, 2)}, "a")

    assert artifacts.load("a.json") == {
        "score": {"value": 0.5, "confusion": [[1.0, 0.0], [0.0, 1.0]]},
        "model": {"lr": 0.1, "key": "**********"},
        "mean": 0.5,
        "pair": [1, 2],
    }


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {(1, 2): 3}}])
def test_json_refuses_keys_that_are_no_text(artifacts, value, leftovers):
    with pytest.raises(RecordError, match="only text as keys"):
        artifacts.save(value, "a.json")

    assert leftovers() == []


def test_json_refuses_what_holds_itself(artifacts):
    value = []
    value.append(value)

    with pytest.raises(RecordError, match="no kind"):
        artifacts.save(value, "a")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(10)[::2],
        np.zeros((0, 3)),
        np.float32(1.5),
        np.array(["a", "ü"]),
        np.array(["2026-01-01"], "datetime64[D]"),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.arange(3, dtype=">i2"),
        np.array([np.nan, -0.0]),
    ],
)
def test_an_array_comes_back_from_npy(artifacts, array):
    artifacts.save(array, "a")

    again = artifacts.load("a.npy")
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)


def test_an_array_is_mapped_and_changing_it_does_not_change_the_file(artifacts):
    artifacts.save(np.zeros(10), "a.npy")
    array = artifacts.load("a.npy")
    array[0] = 1

    assert isinstance(array, np.memmap)
    assert artifacts.load("a.npy")[0] == 0


def test_an_array_survives_being_replaced_while_it_is_used(artifacts):
    artifacts.save(np.zeros(10_000), "a.npy")
    array = artifacts.load("a.npy")
    artifacts.save(np.ones(5), "a.npy")

    assert array.sum() == 0
    assert artifacts.load("a.npy").sum() == 5


def test_named_arrays_come_back_from_npz_whatever_their_names(artifacts):
    arrays = {"a": np.arange(3), "a.npy": np.ones(2), "file": np.zeros(1), "deep/ü": np.eye(2)}
    artifacts.save(arrays, "a")

    again = artifacts.load("a.npz")
    assert list(again) == list(arrays)
    assert all(np.array_equal(again[name], arrays[name]) for name in arrays)
    with np.load(artifacts.path("a.npz")) as theirs:
        assert theirs["file"] == 0


def test_masked_arrays_are_refused_since_the_mask_would_be_lost(artifacts):
    with pytest.raises(RecordError, match="MaskedArray"):
        artifacts.save(np.ma.masked_array([1, 2], [True, False]), "a.npy")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_comes_back(artifacts, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    table = pd.DataFrame({"x": [1, 2], "y": [0.1, 1 / 3], "z": ["a", 'b,"']})
    artifacts.save(table, f"table{suffix}")

    pd.testing.assert_frame_equal(artifacts.load(f"table{suffix}"), table)


def test_the_index_of_a_table_becomes_a_column_of_csv(artifacts):
    artifacts.save(pd.DataFrame({"x": [1, 2]}, index=pd.Index(["a", "b"], name="key")), "table")

    assert artifacts.load("table.csv").to_dict("list") == {"key": ["a", "b"], "x": [1, 2]}


def test_a_missing_package_is_named(artifacts, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)

    with pytest.raises(RecordError, match=r"needs the package PIL"):
        artifacts.save(np.zeros((2, 2), "uint8"), "a.png")


def test_labelled_arrays_come_back_as_what_they_were(artifacts):
    dataset = xr.Dataset({"v": ("x", [1.0, 2.0])}, {"x": [1, 2]}, {"unit": "m"})
    artifacts.save(dataset, "dataset")
    artifacts.save(dataset.v, "array")

    with artifacts.load("dataset.nc") as again:
        xr.testing.assert_identical(again.load(), dataset)
    with artifacts.load("array.nc") as again:
        assert isinstance(again, xr.DataArray)
        xr.testing.assert_equal(again.load(), dataset.v)


def test_datasets_are_read_where_they_are_used(artifacts):
    artifacts.save(xr.Dataset({"v": ("x", [1.0, 2.0])}), "dataset")

    with artifacts.load("dataset.nc") as dataset:
        assert not dataset.v.variable._in_memory


def test_what_netcdf_cannot_hold_is_refused(artifacts, leftovers):
    with pytest.raises(RecordError, match="cannot be saved as dataset"):
        artifacts.save(xr.Dataset(attrs={"a": {"nested": 1}}), "a.nc")

    assert leftovers() == []


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (3, 4, 4)])
def test_pixels_come_back(artifacts, shape):
    pixels = np.arange(np.prod(shape), dtype="uint8").reshape(shape)
    artifacts.save(pixels, "a.png")

    np.testing.assert_array_equal(artifacts.load("a.png"), pixels)


def test_an_image_comes_back_as_an_image(artifacts):
    from PIL import Image

    artifacts.save(Image.new("RGB", (3, 2), "red"), "a")

    assert artifacts.load("a.png").getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_a_figure_becomes_a_picture(artifacts, suffix, start):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    artifacts.save(figure, f"loss{suffix}")

    assert artifacts.load(f"loss{suffix}").read_bytes().startswith(start)


def test_the_state_of_a_model_and_its_optimizer_come_back_as_weights(artifacts):
    torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    assert artifacts.save(model, "model").name == "model.pt"
    artifacts.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, "all.pt")
    artifacts.save(optimizer.state_dict(), "optimizer.pt")

    again = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
    again.load_state_dict(artifacts.load("model.pt"))
    assert torch.equal(again[0].weight, model[0].weight)
    assert artifacts.load("all.pt")["epoch"] == 3
    assert artifacts.load("optimizer.pt")["param_groups"][0]["lr"] == 0.1


def test_torch_before_its_safe_loading_is_refused(artifacts, monkeypatch):
    torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
    artifacts.save(torch.zeros(1), "a.pt")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")

    with pytest.raises(Exception, match=r"install torch 2\.6"):
        artifacts.load("a.pt")


def test_safetensors_come_back(artifacts):
    pytest.importorskip("safetensors", reason="needs safetensors: pip install safetensors")
    artifacts.save({"a": np.arange(6.0).reshape(2, 3).T}, "a.safetensors")

    np.testing.assert_array_equal(artifacts.load("a.safetensors")["a"], np.arange(6.0).reshape(2, 3).T)


def test_safetensors_of_torch_come_back(artifacts):
    pytest.importorskip("safetensors", reason="needs safetensors: pip install safetensors")
    torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
    artifacts.save(torch.nn.Linear(2, 3), "a.safetensors")

    assert artifacts.load("a.safetensors")["weight"].shape == (3, 2)


@pytest.mark.parametrize(
    ("value", "name", "fitting"),
    [
        (np.zeros(2), "a.txt", r"\.npy"),
        (np.zeros((2, 2), "uint8"), "a.jpg", r"\.npy, \.png"),
        ("text", "a.npy", r"\.txt, \.md"),
        ({"a": np.zeros(2)}, "a.npy", r"\.npz, \.json, \.safetensors"),
        (pd.DataFrame(), "a.xlsx", r"\.csv, \.parquet"),
        (xr.Dataset(), "a.zarr", r"\.nc"),
    ],
)
def test_a_suffix_that_does_not_fit_is_refused_with_those_that_do(artifacts, value, name, fitting):
    with pytest.raises(RecordError, match=fitting):
        artifacts.save(value, name)

    assert not artifacts.directory.exists() or not artifacts.names()


def test_text_that_is_the_name_of_a_file_is_told_how_to_copy_it(artifacts, tmp_path):
    (tmp_path / "model.onnx").write_text("")

    with pytest.raises(RecordError, match=r"give Path\("):
        artifacts.save(str(tmp_path / "model.onnx"), "model.onnx")


def test_a_copied_file_can_be_said_to_be_of_a_kind(artifacts, tmp_path):
    (tmp_path / "table.tsv.csv").write_text("x\n1\n")
    artifacts.save(tmp_path / "table.tsv.csv", "said.csv", kind="csv")
    artifacts.save(tmp_path / "table.tsv.csv", "unsaid.csv")

    assert artifacts.load("said.csv").x[0] == 1
    assert artifacts.load("unsaid.csv").read_text() == "x\n1\n"
    assert artifacts.load("unsaid.csv", kind="csv").x[0] == 1


def test_the_record_says_what_a_reader_needs(artifacts):
    record = artifacts.save([1], "a/b.json")

    written = json.loads((artifacts.directory / "a" / ".b.json.json").read_text())
    assert written == dataclasses.asdict(record)
    assert artifacts.record("a/b.json") == record
    assert (record.format, record.name, record.kind, record.size) == (1, "a/b.json", "json", 8)


def test_plain_values_load_no_library(tmp_path):
    code = (
        "import sys; from typedxp.artifacts.directory import Artifacts; a = Artifacts(sys.argv[1])\n"
        "a.save({'a': [1, 2.5, None]}, 'a'); a.save('text', 'b'); a.load('a'); a.load('b'); print(*sys.modules)"
    )
    command = [sys.executable, "-c", code, tmp_path / "a"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert {"numpy", "pandas", "xarray", "pydantic", "torch", "PIL", "matplotlib"}.isdisjoint(done.stdout.split())


class Color(enum.Enum):
    RED = "red"


def test_json_writes_words_dates_and_paths_as_text(artifacts):
    artifacts.save({"color": Color.RED, "day": dt.date(2026, 1, 2), "path": Path("a/b")}, "a")

    assert artifacts.load("a.json") == {"color": "red", "day": "2026-01-02", "path": "a/b"}


def test_a_package_that_is_missing_when_loading_is_named_with_the_file(artifacts, monkeypatch):
    artifacts.save(np.zeros((2, 2), "uint8"), "a.png")
    monkeypatch.setitem(sys.modules, "PIL", None)

    with pytest.raises(ResultsError, match=r"needs the package PIL.*a\.png"):
        artifacts.load("a.png")
