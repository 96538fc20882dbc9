"""Plans as they are asked for on the command line: zipped axes, conditions, duplicates, large plans."""

from __future__ import annotations

import pytest

SCHEMA = """
    class SGD(BaseModel):
        kind: Literal["sgd"] = "sgd"
        lr: float = Field(0.1, gt=0)

    class Adam(BaseModel):
        kind: Literal["adam"] = "adam"
        lr: float = Field(1e-3, gt=0)

    class Config(BaseModel):
        seed: int = Field(0, ge=0)
        name: str = "x"
        optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")
"""


@pytest.fixture(autouse=True)
def schema(desk):
    desk.script(SCHEMA)


def points(desk, *arguments):
    return [(config.optimizer.kind, config.optimizer.lr, config.seed) for config in desk.configs(*arguments)]


def test_zipped_axes_vary_together_at_the_place_of_the_first(desk):
    asked = ("seed=1,2", "optimizer=sgd,adam", "optimizer.lr=1,2")

    assert points(desk, *asked, "xp.zip=[[seed,optimizer.lr]]") == [
        ("sgd", 1, 1), ("adam", 1, 1), ("sgd", 2, 2), ("adam", 2, 2),
    ]  # fmt: skip
    assert points(desk, *asked, "xp.zip=[[optimizer,optimizer.lr]]") == [
        ("sgd", 1, 1), ("adam", 2, 1), ("sgd", 1, 2), ("adam", 2, 2),
    ]  # fmt: skip
    assert points(desk, *asked, "xp.zip=[[seed,optimizer,optimizer.lr]]") == [("sgd", 1, 1), ("adam", 2, 2)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("seed=1,2 xp.zip=[[seed,lr]]", "xp.zip: lr is not swept."),
        ("seed=1,2 optimizer.lr=1,2,3 xp.zip=[[seed,optimizer.lr]]", "seed has 2, optimizer.lr has 3"),
        ("seed=1,2 optimizer.lr=1,2 name=a,b xp.zip=[[seed,name],[name,optimizer.lr]]", "name is in two groups"),
        ("seed=1,2 xp.zip=[[seed]]", "xp.zip.0 = ['seed']"),
        ("seed=1,2 xp.zip=seed", "xp.zip = 'seed'"),
    ],
)
def test_axes_that_cannot_be_zipped_are_refused(desk, arguments, message):
    assert message in desk.refused(*arguments.split())


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("seed < 2", [("sgd", 0), ("sgd", 1), ("adam", 0), ("adam", 1)]),
        ("optimizer == 'adam' and seed == 1", [("adam", 1)]),
        ("optimizer.kind == 'adam' & seed >= 1", [("adam", 1), ("adam", 2)]),
        ("optimizer.lr > 0.01 | seed == 2", [("sgd", 0), ("sgd", 1), ("sgd", 2), ("adam", 2)]),
        ("~(optimizer in ['sgd']) and config.seed == 0", [("adam", 0)]),
        ("'seed == 1 and name == \"x\"'", [("sgd", 1), ("adam", 1)]),
    ],
)
def test_only_the_points_for_which_the_condition_holds_are_kept(desk, where, expected):
    configs = desk.configs("optimizer=sgd,adam", "seed=range(3)", f"xp.where={where}")

    assert [(config.optimizer.kind, config.seed) for config in configs] == expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("sed < 2", "xp.where: there is no key sed. Text is written in quotes. Did you mean seed?"),
        ("optimizer == adam", "there is no key adam. Text is written in quotes."),
        ("seed < 0", "xp.where: the condition holds for none of 3 points."),
        ("seed < 'a'", "does not fit the values"),
        ("print(seed)", "a condition has no call"),
        ("seed <", "cannot be read as a condition"),
    ],
)
def test_a_condition_that_cannot_be_used_is_refused(desk, where, message):
    assert message in desk.refused("seed=range(3)", f"xp.where={where}")


def test_invalid_points_that_the_condition_leaves_out_do_no_harm(desk):
    assert [config.seed for config in desk.configs("seed=-1,0,1", "xp.where=seed >= 0")] == [0, 1]


def test_duplicates_are_planned_once_with_a_note(desk):
    typed = desk.type("-n", "seed=1,1,2", "optimizer.lr=0.1,1e-1")

    assert typed.code == 0
    assert "4 duplicate points left out." in typed.out + typed.err
    assert "2 runs" in typed.out


def test_a_large_plan_is_refused_without_a_terminal_unless_it_is_meant(desk):
    assert "The plan has 11 runs, more than xp.max_runs=10. Add -y if you mean it." in desk.refused(
        "seed=range(11)", "xp.max_runs=10"
    )
    assert len(desk.configs("seed=range(11)", "xp.max_runs=10", "-y")) == 11
    assert len(desk.configs("seed=range(11)", "xp.max_runs=10", "xp.where=seed < 2")) == 2


def test_the_same_key_swept_twice_is_refused(desk):
    assert "swept twice" in desk.refused("seed=1,2", "seed=3,4")


def test_the_last_of_two_overrides_wins(desk):
    assert desk.config("seed=1", "seed=2").seed == 2
    assert [config.seed for config in desk.configs("seed=1,2", "seed=3")] == [3]


@pytest.mark.parametrize(
    ("argument", "seeds"),
    [
        ("seed=range(3)", [0, 1, 2]),
        ("seed=range(1,7,3)", [1, 4]),
        ("seed=range(start=3,stop=0,step=-1)", [3, 2, 1]),
        ("seed=choice(3,1,2)", [3, 1, 2]),
        ("seed=sort(3,1,2)", [1, 2, 3]),
        ("seed=sort(choice(3,1,2),reverse=true)", [3, 2, 1]),
        ("seed=tag(a,b,choice(1,2))", [1, 2]),
        ("seed=int(choice(1.0,2.0))", [1, 2]),
        ("seed=${seed2},3 +seed2=1", None),
    ],
)
def test_hydras_sweeps_are_understood(desk, argument, seeds):
    if seeds is None:
        assert "seed2" in desk.refused(*argument.split())
    else:
        assert [config.seed for config in desk.configs(argument)] == seeds


def test_shuffled_values_are_all_there(desk):
    assert sorted(config.seed for config in desk.configs("seed=shuffle(range(5))")) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("seed=interval(0,1)", "An interval has no end of values"),
        ("seed=range(0)", "There is no value in this sweep"),
        ("seed=range(99999999)", "There are more than 1000000 values in this sweep"),
        ("seed", "This is not an override"),
        ("seed=[1", "This is not an override"),
        ("seed=range(", "This is not an override"),
        ("name=a{b", "This is not an override"),
        ("=3", "This is not an override"),
        ("seed=nope(3)", "Unknown function 'nope'"),
    ],
)
def test_what_is_no_override_is_refused_with_what_is(desk, argument, message):
    refused = desk.refused(argument)

    assert message in refused
    assert f"  {argument}  (command line)\n" in refused


def test_a_thousand_points_of_which_three_are_wrong_are_told_in_three_lines(desk):
    message = desk.refused("seed=range(-3,997)", "xp.max_runs=2000")

    assert message.startswith("3 problems in train:\n  seed = -3  (command line)  in 1 of 1000 points\n")
    assert message.count("\n") == 6
