"""What we compose is what Hydra composes, for any valid overrides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from typedxp.stages.compose.composer import Composer
from typedxp.stages.compose.grammar import parse
from typedxp.stages.compose.sweep import Sweep
from typedxp.vocabulary.tree import untyped

FILES = {
    "config.yaml": """\
defaults:
  - db: mysql
  - model/encoder: cnn
  - _self_
lr: 1e-3
text: 007
flag: yes
none: null
list: [1, {a: 2}, [3]]
deep: {a: {b: {c: 1}, d: x}, e: []}
ref: ${lr}
both: ${db.host}:${deep.a.d}
whole: ${deep.a}
""",
    "db/mysql.yaml": "host: m\nport: 3306\nopts: {x: 1, y: 2}\n",
    "db/pg.yaml": "host: p\nuser: me\nopts: {x: 3}\n",
    "model/encoder/cnn.yaml": "width: 3\n",
    "model/encoder/mlp.yaml": "defaults:\n  - /db@inner: pg\n  - _self_\ndepth: 2\n",
    "exp/a.yaml": "# @package _global_\ndefaults:\n  - override /db: pg\nlr: 5\ndeep: {a: {d: z}}\n",
}

KEYS = [
    *("lr", "text", "flag", "none", "list", "deep", "deep.a", "deep.a.b", "deep.a.b.c", "deep.a.d", "deep.e", "ref"),
    *("db.port", "db.opts", "db.opts.x", "list.0", "list.1.a", "list.2.0", "model.encoder"),
]
NEW = ["new", "new.deep.er", "deep.a.new", "db.opts.z", "db.user"]
VALUES = st.recursive(
    st.sampled_from(
        [
            "1",
            "-2",
            "1e-3",
            "0.5",
            "007",
            "1_000",
            "true",
            "null",
            "x",
            "'a b'",
            r"a\,b",
            "''",
            "${lr}",
            "inf",
            "${db.host}",
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.dictionaries(st.sampled_from(["a", "b", "c", "x", "d"]), inner, max_size=2).map(
            lambda items: "{" + ",".join(f"{key}:{value}" for key, value in items.items()) + "}"
        ),
    ),
    max_leaves=4,
)
OVERRIDES = st.one_of(
    st.tuples(st.sampled_from(KEYS), VALUES).map("=".join),
    st.tuples(st.sampled_from(["+", "++"]), st.sampled_from(KEYS + NEW), VALUES).map("{0[0]}{0[1]}={0[2]}".format),
    st.sampled_from(KEYS).map("~{}".format),
    st.sampled_from(
        ["db=pg", "db=mysql", "~db", "model/encoder=mlp", "+exp=a", "~model/encoder", "+db@other=pg", "db@db=pg"]
    ),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("conf")
    for name, text in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    yield path
    GlobalHydra.instance().clear()


def hydras(directory: Path, overrides: list[str]) -> dict[str, Any] | None:
    """Return what Hydra composes, or None where it refuses."""
    with initialize_config_dir(str(directory), version_base="1.3"):
        try:
            return OmegaConf.to_container(compose("config", overrides), resolve=True)  # type: ignore[return-value]
        except (HydraException, ValueError, TypeError):  # of Hydra's own making
            return None


def ours(directory: Path, overrides: list[str]) -> tuple[dict[str, Any], list[str]]:
    composer = Composer("train", None, {}, directory, "config")
    with composer.active():
        assignments, problems = parse(overrides, composer.group_options)
        sweep = Sweep(composer, assignments)
        point = next(iter(sweep.points()))
    return untyped(point.values), [problem.message for problem in (*problems, *sweep.problems, *point.problems)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(overrides=st.lists(OVERRIDES, max_size=4))
def test_what_hydra_composes_we_compose(directory, overrides):
    theirs = hydras(directory, overrides)
    if theirs is None:
        return

    values, problems = ours(directory, overrides)

    assert problems == []
    assert repr(sort(values)) == repr(sort(theirs))


def sort(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: sort(tree[key]) for key in sorted(tree, key=str)}
    return [sort(item) for item in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize(
    "overrides",
    [
        ["lr=2", "lr=3"],
        ["deep={a:{d:y}}"],
        ["list=[9]"],
        ["+deep.a.new=1"],
        ["~deep.a.d", "++both=1"],
        ["db=pg", "~db.user"],
        ["+exp=a", "lr=7"],
    ],
)
def test_the_last_word_is_the_same(directory, overrides):
    assert sort(ours(directory, overrides)[0]) == sort(hydras(directory, overrides))
