from hypothesis import given
from hypothesis import strategies as st

from typedxp.results.names import dimension_names, variable_name

parts = st.sampled_from(["a", "b", "lr", "run", "status", "run_", "train", "loss"])
keys = st.lists(st.lists(parts, min_size=1, max_size=3).map(".".join), unique=True, max_size=6)


def test_a_key_is_called_by_its_last_part():
    assert dimension_names(["optimizer.lr", "seed"]) == {"optimizer.lr": "lr", "seed": "seed"}


def test_a_group_and_a_key_in_it_have_short_names():
    assert dimension_names(["optimizer", "optimizer.lr"]) == {"optimizer": "optimizer", "optimizer.lr": "lr"}


def test_keys_with_the_same_end_keep_as_many_parts_as_differ():
    names = dimension_names(["model.encoder.optimizer.lr", "model.decoder.optimizer.lr"])

    assert list(names.values()) == ["encoder.optimizer.lr", "decoder.optimizer.lr"]


def test_a_key_that_is_the_end_of_another_keeps_its_name_and_the_other_gets_more():
    assert dimension_names(["lr", "optimizer.lr"]) == {"lr": "lr", "optimizer.lr": "optimizer.lr"}


def test_a_part_of_a_word_is_not_the_end_of_a_key():
    assert dimension_names(["lr", "max_lr"]) == {"lr": "lr", "max_lr": "max_lr"}


def test_a_reserved_short_name_gives_way_to_the_full_key():
    assert dimension_names(["model.net.status", "a.b"], ["b"]) == {"model.net.status": "model.net.status", "a.b": "a.b"}


def test_a_key_that_is_reserved_itself_gets_an_underscore():
    assert dimension_names(["run", "train.loss"], ["loss", "train.loss"]) == {
        "run": "run_",
        "train.loss": "train.loss_",
    }


def test_a_column_called_step_does_not_hide_the_steps():
    assert variable_name("train", "step", ["step", "loss"]) == "train.step_"
    assert variable_name("train", "step", ["step", "step_"]) == "train.step__"
    assert variable_name("train", "a.step", ["a.step"]) == "train.a.step"


@given(keys, st.sets(parts | st.just("train.loss")))
def test_names_are_different_and_not_reserved(keys, reserved):
    names = dimension_names(keys, reserved)

    assert list(names) == keys
    assert len(set(names.values())) == len(keys)
    assert {"run", "status", *reserved}.isdisjoint(names.values())


@given(keys)
def test_a_name_is_the_end_of_its_key_and_underscores_only_where_needed(keys):
    for key, name in dimension_names(keys).items():
        end = name if f".{key}".endswith(f".{name}") else name.rstrip("_")
        assert f".{key}".rstrip("_").endswith(f".{end}".rstrip("_"))
