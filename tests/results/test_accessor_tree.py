import numpy as np
import pytest
import xarray

import typedxp.results.accessor  # noqa: F401  # to import it is to register it
from typedxp import open_results
from typedxp.errors import ResultsError


@pytest.fixture
def tree(store):
    """Two variants, of which only one has a momentum; both share the seeds."""
    for seed in (0, 1, 2):
        for momentum in (0.0, 0.9):
            config = {"optimizer": {"momentum": momentum}, "seed": seed}
            point = {"optimizer": "sgd", "optimizer.momentum": momentum, "seed": seed}
            loss = seed + momentum * (1 + seed)
            store.add(point, [{"loss": 9.0}, {"loss": loss}], config=config, choices={"optimizer": "sgd"})
        config = {"optimizer": {}, "seed": seed}
        store.add(
            {"optimizer": "adam", "seed": seed}, [{"loss": 2.0 * seed}], config=config, choices={"optimizer": "adam"}
        )
    return open_results(store.path, layout="tree")


def test_a_tree_is_reduced_node_by_node(tree):
    mean = tree.xp.last().xp.mean("seed")

    np.testing.assert_allclose(mean["sgd/train.loss"], [1, 2.8])
    np.testing.assert_allclose(mean["adam/train.loss"], 2)
    assert set(mean["sgd"].dims) == {"momentum"}
    assert "seed" not in mean.coords
    assert mean["sgd"].attrs["runs"] == "1-2,4-5,7-8"


def test_a_dimension_of_one_variant_leaves_the_others_alone(tree):
    final = tree.xp.last()

    reduced = final.xp.std("momentum")

    np.testing.assert_allclose(reduced["sgd/train.loss"], np.std([[0, 0.9], [1, 2.8], [2, 4.7]], axis=1, ddof=1))
    xarray.testing.assert_identical(reduced["adam"].to_dataset(), final["adam"].to_dataset())


def test_spreads_intervals_and_counts_are_trees(tree):
    final = tree.xp.last()

    np.testing.assert_allclose(final.xp.sem("seed")["adam/train.loss"], 2 / np.sqrt(3))
    np.testing.assert_allclose(final.xp.ci("seed", level=0.5)["adam/train.loss"].mean(), 2)
    assert final.xp.coverage("seed")["sgd/completed"].values.tolist() == [3, 3]
    assert tree.xp.at(0)["sgd/train.loss"].values.max() == 9
    assert tree.xp.best("min", of="train.loss")["sgd/train.loss"].values.max() == pytest.approx(4.7)


def test_tables_are_collected_with_the_node_they_are_of(tree):
    final = tree.xp.last()

    assert tree.xp.runs.loc["/adam"].index.tolist() == [3, 6, 9]
    assert tree.xp.diff().loc[("/sgd", "optimizer.momentum"), "values"] == [0.0, 0.9]
    frame = final.xp.compare("momentum", over="seed", of="train.loss")
    assert frame.index.get_level_values("node").tolist() == ["/sgd"]
    assert frame["difference"].tolist() == pytest.approx([-1.8])
    tables = final.xp.best("min", of="train.loss", by="momentum").xp.table("seed", value="train.loss")
    assert {path: table.mean.to_numpy().ravel().tolist() for path, table in tables.items()} == {
        "/sgd": [0, 1, 2],
        "/adam": [0, 2, 4],
    }


def test_a_tree_knows_the_run_behind_a_point(tree):
    assert tree["sgd"].isel(seed=1).isel(momentum=0).xp.run.id == 4
    with pytest.raises(ResultsError, match=r"These nodes have runs: /sgd \(6\), /adam \(3\)"):
        _ = tree.xp.run


def test_a_tree_without_anything_to_tell_says_so(tree):
    with pytest.raises(ResultsError, match="No node has any variable"):
        _ = xarray.DataTree().xp.runs
    apart = xarray.DataTree.from_dict(
        {"a": xarray.Dataset({"x": ("lr", [1.0])}), "b": xarray.Dataset({"x": ("seed", [1.0])})}
    )
    with pytest.raises(ResultsError, match="No node has lr and seed"):
        apart.xp.compare("lr", over="seed")


def test_wrong_names_get_the_nearest_one(tree):
    with pytest.raises(ResultsError, match=r"No node has the dimension 'momentun'. Did you mean momentum"):
        tree.xp.mean("momentun")
    with pytest.raises(ResultsError, match=r"No node has the variable 'train.los'. Did you mean train.loss"):
        tree.xp.table("seed", value="train.los")
