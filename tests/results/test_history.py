import numpy as np
import pytest

from typedxp import open_results
from typedxp.results.problems import ResultsWarning
from typedxp.vocabulary.documented import DocumentedField, DocumentedSchema
from typedxp.vocabulary.records import Code


def schema(**fields):
    return DocumentedSchema({key.replace("__", "."): (field,) for key, field in fields.items()})


def plain(default, **facts):
    return DocumentedField("float", default=default, **facts)


@pytest.fixture
def add(store):
    """Adds a command of two seeds, whose config is that of its schema with some values changed."""

    def add(document, loss, **config):
        digest = store.document(document) if document is not None else None
        sweep = str(len(list(store.path.glob("*"))))
        for seed in (0, 1):
            values = {**config, "seed": seed}
            records = [{"loss": loss + seed}]
            store.add({"seed": seed}, records, config=values, sweep=sweep, schema=digest, digest=str((values, sweep)))

    return add


def test_a_field_added_later_has_its_first_default_in_the_runs_of_before(add, store):
    add(schema(seed=plain(0)), 0.0)
    add(schema(seed=plain(0), dropout=plain(0.25)), 10.0, dropout=0.25)
    add(schema(seed=plain(0), dropout=plain(0.5)), 20.0, dropout=0.5)

    with pytest.warns(ResultsWarning, match="dropout was added"):
        results = open_results(store.path, duplicates="all")

    assert results["dropout"].values.tolist() == [0.25, 0.5]
    assert results["run"].sel(dropout=0.25, seed=0).values.tolist() == [1, 3]


def test_a_default_that_changed_is_in_each_run_what_it_was_then(add, store):
    add(schema(seed=plain(0), lr=plain(0.1)), 1.0, lr=0.1)
    add(schema(seed=plain(0), lr=plain(0.01)), 2.0, lr=0.01)

    results = open_results(store.path)

    assert results["train.loss"].sel(lr=0.1, seed=0).item() == 1
    assert results["train.loss"].sel(lr=0.01, seed=0).item() == 2


def test_a_field_that_was_renamed_is_one_key_by_its_alias(add, store):
    add(schema(seed=plain(0), rate=plain(0.1)), 1.0, rate=0.1)
    renamed = plain(0.1, aliases=("rate",), description="step size")
    add(schema(seed=plain(0), lr=renamed), 2.0, lr=0.2)

    with pytest.warns(ResultsWarning, match="rate is called lr"):
        results = open_results(store.path)

    assert results["lr"].values.tolist() == [0.1, 0.2]
    assert results["lr"].attrs == {"key": "lr", "long_name": "step size"}
    assert results["train.loss"].sel(lr=0.1, seed=1).item() == 2


def test_a_swept_field_inside_one_that_was_renamed_is_found(store):
    old = store.document(schema(optim=plain("???"), optim__rate=plain(0.1)))
    inside = {"optimizer": plain("???", aliases=("optim",)), "optimizer__lr": plain(0.1, aliases=("rate",))}
    new = store.document(schema(**inside))
    store.add({"optim.rate": 0.1}, [{"loss": 1.0}], config={"optim": {"rate": 0.1}}, schema=old, sweep="a")
    store.add({"optimizer.lr": 0.2}, [{"loss": 2.0}], config={"optimizer": {"lr": 0.2}}, schema=new, sweep="b")

    with pytest.warns(ResultsWarning, match="2 schemas"):
        results = open_results(store.path)

    assert results["lr"].values.tolist() == [0.1, 0.2]
    assert results["lr"].attrs["key"] == "optimizer.lr"


def test_a_field_that_was_removed_stays_as_a_coordinate_of_the_old_runs(add, store):
    add(schema(seed=plain(0), lr=plain(0.1), warmup=plain(3.0)), 1.0, lr=0.1, warmup=3.0)
    add(schema(seed=plain(0), lr=plain(0.1)), 2.0, lr=0.2)

    with pytest.warns(ResultsWarning, match="warmup was removed"):
        results = open_results(store.path)

    assert results["warmup"].dims == results["run"].dims
    np.testing.assert_array_equal(results["warmup"].sel(lr=0.1), [3, 3])
    assert np.isnan(results["warmup"].sel(lr=0.2)).all()


def test_fields_of_other_members_of_a_union_are_not_made_up(store):
    first = DocumentedSchema(
        {"optimizer": (plain("sgd"),), "optimizer.lr": (plain(0.1, members={"optimizer": "sgd"}),)}
    )
    later = {"optimizer.momentum": (plain(0.9, members={"optimizer": "sgd"}),), **first.fields}
    old, new = store.document(first), store.document(DocumentedSchema(later))
    for option in ("sgd", "adam"):
        config = {"optimizer": {"lr": 0.1}}
        choices = {"optimizer": option}
        store.add({"optimizer": option}, [{"loss": 1.0}], config=config, choices=choices, schema=old, sweep=option)
    config = {"optimizer": {"lr": 0.1, "momentum": 0.5}}
    store.add({"seed": 1}, [{"loss": 2.0}], config=config, choices={"optimizer": "sgd"}, schema=new, sweep="c")

    with pytest.warns(ResultsWarning, match=r"optimizer\.momentum was added"):
        results = open_results(store.path, dims=["optimizer", "momentum"])

    runs = {name: results["run"].sel(optimizer=name) for name in ("sgd", "adam")}
    assert runs["sgd"].sel(momentum=0.9).item() == 1
    assert runs["sgd"].sel(momentum=0.5).item() == 3
    assert runs["adam"].isel(momentum=np.isnan(results["momentum"].values)).item() == 2


def test_schemas_that_differ_in_nothing_but_words_are_not_warned_of(add, store):
    add(schema(seed=plain(0)), 1.0)
    add(schema(seed=plain(0, description="of the random numbers")), 2.0)

    assert open_results(store.path, duplicates="all").sizes["repeat"] == 2


def test_a_document_that_is_missing_or_damaged_is_told_of_and_the_runs_are_there(add, store):
    add(schema(seed=plain(0)), 1.0)
    [document] = (store.path / "documents").iterdir()
    document.write_text("{")

    with pytest.warns(ResultsWarning, match="What the fields of some runs mean is not known"):
        assert open_results(store.path)["seed"].values.tolist() == [0, 1]


def test_runs_of_several_versions_of_the_code_are_warned_of_unless_they_are_kept_apart(store):
    for commit, dirty in (("1" * 40, False), ("2" * 40, True)):
        for seed in (0, 1):
            code = Code("/home/user", commit, "main", dirty)
            store.add({"seed": seed, "lr": float(commit[0])}, [{"loss": 1.0}], code=code)

    with pytest.warns(ResultsWarning, match=r"2 versions of the code \(11111111: 1-2; 22222222\+: 3-4\)") as warned:
        open_results(store.path)

    assert len(warned) == 1
    apart = open_results(store.path, dims=["code", "seed"])
    assert apart["code"].values.tolist() == ["11111111", "22222222+"]
    assert open_results(store.path, where="code == '11111111'").sizes["lr"] == 1
