"""What the overrides of a Hydra job say."""

import pytest

from typedxp.results.sources.overrides import read_choices, read_overrides, swept


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("lr=0.1", {"lr": "0.1"}),
        ("+a.b=1", {"a.b": "1"}),
        ("++a.b='x=y'", {"a.b": "'x=y'"}),
        ("db/engine=fast", {"db/engine": "fast"}),
        ("lr=", {"lr": ""}),
        ("~lr", {}),
        ("~lr=0.1", {}),
        ("hydra.job.chdir=true", {}),
        ("hydra/launcher=basic", {}),
        ("+hydra@x=1", {}),
        ("hydration=1", {"hydration": "1"}),
        ("nonsense", {}),
        ("", {}),
        (3, {}),
        (None, {}),
    ],
)
def test_an_override_is_taken_apart(line, found):
    assert read_overrides([line]) == found


def test_the_options_of_groups_have_dotted_keys():
    choices = {
        "db/engine": "fast",
        "db@source": "a",
        "experiment@_global_": "e",
        "optional": None,
        "several": ["a", "b"],
        "hydra/launcher": "basic",
    }

    assert read_choices(choices) == {
        "db.engine": "fast",
        "source": "a",
        "experiment": "e",
        "optional": None,
        "several": "a,b",
    }


def test_a_swept_key_has_the_option_the_typed_value_or_what_was_typed():
    config = {"lr": 0.001, "layers": [{"width": 8}], "db": {"size": 3}}
    overrides = {"db@source": "a", "lr": "1e-3", "layers.0.width": "8", "lost": "x"}

    assert swept(overrides, [*overrides, "absent"], config, {"source": "a"}) == {
        "source": "a",
        "lr": 0.001,
        "layers.0.width": 8,
        "lost": "x",
        "absent": None,
    }
