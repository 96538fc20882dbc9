"""What a schema says is kept once, whole, beside the runs that go by it."""

from __future__ import annotations

import json
import math
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.errors import StoreError
from typedxp.store.store import Store
from typedxp.vocabulary.documented import DocumentedField, DocumentedSchema
from typedxp.vocabulary.schema import MISSING

LR = DocumentedField("float", 0.1, description="step size", unit="1/s", aliases=("rate",), members={"optimizer": "sgd"})
DOCUMENT = DocumentedSchema({"optimizer.lr": (LR,), "seed": (DocumentedField("int", required=True),)})


@pytest.fixture
def store(tmp_path):
    (tmp_path / "logs").mkdir()
    return Store(tmp_path / "logs")


def test_a_document_is_read_back_and_is_plain_json(store):
    digest = store.write_document(DOCUMENT)

    assert store.read_document(digest) == DOCUMENT
    [file] = store.documents.iterdir()
    assert file.name == f"{digest}.json"
    assert json.loads(file.read_text())["fields"]["seed"] == [
        {
            "type": "int",
            "default": MISSING,
            "required": True,
            "description": None,
            "unit": None,
            "aliases": [],
            "members": {},
        }
    ]


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(plain)
def test_any_plain_default_is_written_as_json_that_all_can_read(tmp_path_factory, default):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    store = Store(tmp_path_factory.mktemp("logs"))
    digest = store.write_document(DocumentedSchema({"key": (DocumentedField("Any", default),)}))

    json.loads((store.documents / f"{digest}.json").read_text(), parse_constant=refuse)
    if not isinstance(default, list | dict | str):
        assert store.read_document(digest).fields["key"][0].default == default


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_infinite_defaults_are_read_back_as_numbers(store, number):
    digest = store.write_document(DocumentedSchema({"key": (DocumentedField("float", number),)}))

    assert store.read_document(digest).fields["key"][0].default == number


def test_the_same_content_is_one_file_which_is_not_written_again(store):
    first = store.write_document(DOCUMENT)
    written = (store.documents / f"{first}.json").stat()

    assert store.write_document(DocumentedSchema(dict(DOCUMENT.fields))) == first
    assert (store.documents / f"{first}.json").stat().st_mtime_ns == written.st_mtime_ns
    other = store.write_document(DocumentedSchema({"seed": DOCUMENT.fields["seed"]}))
    assert sorted(path.stem for path in store.documents.iterdir()) == sorted([first, other])


def test_many_launchers_may_write_the_same_at_once(store):
    with ThreadPoolExecutor(8) as pool:
        [digest] = set(pool.map(store.write_document, [DOCUMENT] * 50))

    assert [path.name for path in store.documents.iterdir()] == [f"{digest}.json"]
    assert store.read_document(digest) == DOCUMENT


def test_what_a_crash_left_of_a_document_is_made_good(store):
    file = store.documents / f"{store.write_document(DOCUMENT)}.json"
    file.write_bytes(file.read_bytes()[:20])

    assert store.read_document(store.write_document(DOCUMENT)) == DOCUMENT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "There is no"),
        ("", "cannot be read"),
        ("[]", "is damaged: it has no format"),
        ('{"format": 1}', "is damaged: KeyError"),
        ('{"format": 1, "fields": {"a": [{"type": "int"}]}}', "is damaged: KeyError"),
        ('{"format": 1, "fields": {"a": 3}}', "is damaged: TypeError"),
        ('{"format": 99, "fields": {}}', "has format 99, and this typedxp reads up to 1"),
    ],
)
def test_a_document_that_cannot_be_read_is_an_error_that_names_it(store, text, problem):
    store.documents.mkdir()
    if text is not None:
        (store.documents / "0123456789abcdef.json").write_text(text)

    with pytest.raises(StoreError, match=problem) as refusal:
        store.read_document("0123456789abcdef")
    assert "0123456789abcdef.json" in str(refusal.value)


def test_what_a_later_version_adds_is_passed_over(store):
    file = store.documents / f"{store.write_document(DOCUMENT)}.json"
    later = json.loads(file.read_text())
    later["fields"]["seed"][0]["added"] = 1
    file.write_text(json.dumps(later | {"added": 1}))

    assert store.read_document(file.stem) == DOCUMENT


def test_documents_are_no_runs_and_a_store_that_holds_only_them_is_ours(store):
    store.write_document(DOCUMENT)

    assert list(store.runs()) == []
    store.check()
    assert [run.id for run in store.allocate(2)] == [1, 2]
    shutil.rmtree(store.cache)
    store.check()


def test_a_directory_that_is_only_called_documents_is_not_ours(store):
    store.documents.mkdir()
    (store.documents / "letter.json").write_text("{}")

    with pytest.raises(StoreError, match="was made by something else"):
        store.check()


def fill_up(store):
    with store.allocating(1):
        store.write_document(DOCUMENT)
        raise OSError(28, "No space left on device")


def fail(store):
    with pytest.raises(StoreError, match="No space left"):
        fill_up(store)


def test_nothing_is_left_of_a_store_that_could_not_be_filled(tmp_path):
    fail(Store(tmp_path / "a" / "logs"))

    assert list(tmp_path.iterdir()) == []


def test_a_document_that_others_go_by_is_left(store):
    other = store.allocate(1)
    fail(store)

    assert len(list(store.documents.iterdir())) == 1
    assert [run.id for run in other] == store.ids()


def test_a_store_that_cannot_be_made_is_an_error_in_our_words(tmp_path):
    (tmp_path / "logs").write_text("a file")

    with pytest.raises(StoreError, match="No runs can be made in"):
        Store(tmp_path / "logs").allocate(1)
