"""Files that would execute something when loaded: nothing is executed unless the caller says so."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from typedxp.errors import RecordError, ResultsError


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def trap(tmp_path):
    return tmp_path / "executed"


def save_npy(file, evil):
    np.save(file, np.array([evil], dtype=object), allow_pickle=True)


def save_npz(file, evil):
    member = io.BytesIO()
    save_npy(member, evil)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", member.getvalue())


def save_pickle(file, evil):
    pickle.dump(evil, file)


def save_torch(file, evil):
    pytest.importorskip("torch", reason="needs torch: pip install torch").save({"a": evil}, file)


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize(
    ("kind", "save"),
    [
        ("npy", save_npy),
        ("npz", save_npz),
        ("npy", save_pickle),
        ("npz", save_pickle),
        ("json", save_pickle),
        ("csv", save_pickle),
        ("image", save_pickle),
        ("dataset", save_pickle),
        ("torch", save_torch),
        ("torch", save_pickle),
    ],
)
def test_an_evil_file_is_never_executed_as_a_kind_that_holds_data(artifacts, tmp_path, trap, kind, save, trust):
    if kind == "torch":
        pytest.importorskip("torch", reason="needs torch: pip install torch")
    with (tmp_path / "evil").open("wb") as file:
        save(file, Evil(trap))
    artifacts.save(tmp_path / "evil", "evil.bin", kind=kind)

    with pytest.raises(ResultsError, match=r"evil\.bin"):
        artifacts.load("evil.bin", trust=trust)

    assert not trap.exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_pickle_is_loaded_only_by_those_who_trust_it(artifacts, trap):
    artifacts.save(Evil(trap), "evil", kind="pickle")

    with pytest.raises(ResultsError, match=r"'evil\.pkl' is a pickle.*whatever program.*trust=True"):
        artifacts.load("evil.pkl")
    assert not trap.exists()
    artifacts.load("evil.pkl", trust=True).close()
    assert trap.exists()


def test_naming_the_kind_does_not_replace_trust(artifacts, tmp_path, trap):
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil(trap)))
    artifacts.save(tmp_path / "evil.pkl", "evil.pkl")

    assert artifacts.load("evil.pkl") == artifacts.directory / "evil.pkl"
    with pytest.raises(ResultsError, match="trust=True"):
        artifacts.load("evil.pkl", kind="pickle")
    assert not trap.exists()


def test_a_pickle_is_made_only_when_asked_for(artifacts):
    with pytest.raises(RecordError, match="kind='pickle'"):
        artifacts.save([1], "a.pkl")
    with pytest.raises(RecordError, match="kind='pickle'"):
        artifacts.save(object(), "a")
    with pytest.raises(RecordError, match=r"\.pkl, \.pickle"):
        artifacts.save([1], "a.json", kind="pickle")

    assert artifacts.save({1, 2}, "a", kind="pickle").name == "a.pkl"
    assert artifacts.load("a", trust=True) == {1, 2}


def test_arrays_of_objects_are_refused_when_saved(artifacts):
    with pytest.raises(RecordError, match="ndarray"):
        artifacts.save(np.array([object()], dtype=object), "a.npy")


def test_what_is_not_a_weight_is_refused_as_state_of_torch(artifacts):
    torch = pytest.importorskip("torch", reason="needs torch: pip install torch")

    with pytest.raises(RecordError, match="kind='pickle'"):
        artifacts.save({"w": torch.zeros(1), "other": object()}, "a.pt")
