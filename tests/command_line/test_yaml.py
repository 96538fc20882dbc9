"""YAML files over a schema, and without one."""

from __future__ import annotations

import pytest

SCHEMA = """
    class SGD(BaseModel):
        kind: Literal["sgd"] = "sgd"
        lr: float = Field(0.1, gt=0)

    class Adam(BaseModel):
        kind: Literal["adam"] = "adam"
        lr: float = Field(1e-3, gt=0)
        betas: tuple[float, float] = (0.9, 0.999)

    class CNN(BaseModel):
        width: int = 3

    class MLP(BaseModel):
        depth: int = 2

    class Model(BaseModel):
        encoder: CNN | MLP = CNN()
        size: int = 1

    class Data(BaseModel):
        root: Path = Path("d")
        n: int = Field(1, alias="count")
        names: list[str] = []

    class Config(BaseModel):
        seed: int = 0
        name: str = "x"
        optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")
        model: Model = Model()
        data: Data = Data()
        opts: dict[str, float] = {}
        maybe: CNN | None = None
"""
TRAIN = """
@typedxp.experiment(config_path="conf")
def train(config: Config):
    seen.append(config)
"""
UNTYPED = """
from omegaconf import DictConfig

@typedxp.experiment(config_path="conf")
def train(config: DictConfig):
    seen.append(config)
"""


@pytest.fixture
def project(desk):
    """Write YAML files, then the script over them."""

    def make(files, schema=SCHEMA, train=TRAIN):
        for name, text in files.items():
            desk.write(f"conf/{name}", text)
        desk.script(schema, train)
        return desk

    return make


def test_values_of_the_primary_config_are_defaults_for_the_command_line(project):
    desk = project({"config.yaml": "seed: 3\nname: 1e3\noptimizer:\n  lr: 0.5\ndata:\n  count: 7\n"})
    module = desk.module

    config = desk.config()
    assert (config.seed, config.name, config.optimizer, config.data.n) == (3, "1e3", module.SGD(lr=0.5), 7)
    assert desk.config("optimizer=adam").optimizer == module.Adam(lr=0.5)
    assert desk.config("optimizer.lr=7").optimizer == module.SGD(lr=7)


def test_numbers_for_text_arrive_as_they_stand_in_the_file(project):
    desk = project({"config.yaml": "name: 007\ndata:\n  names: [1e3, 1_000, 0x10, 1.50, '2']\n"})

    config = desk.config()

    assert (config.name, config.data.names) == ("007", ["1e3", "1_000", "0x10", "1.50", "2"])


def test_a_discriminator_in_yaml_means_that_member_with_its_own_defaults(project):
    desk = project({"config.yaml": "optimizer:\n  kind: adam\n  lr: 0.5\n"})
    module = desk.module

    assert desk.config().optimizer == module.Adam(lr=0.5)
    assert desk.config("optimizer=adam").optimizer == module.Adam(lr=0.5)
    assert desk.config("optimizer=sgd").optimizer == module.SGD(lr=0.5)
    assert desk.config("optimizer.kind=sgd").optimizer == module.SGD(lr=0.5)


@pytest.mark.parametrize(
    "defaults",
    ["- optimizer: adam\n  - model/encoder: mlp", "- override optimizer: adam\n  - override /model/encoder: mlp"],
)
def test_a_defaults_list_chooses_options_with_or_without_override(project, defaults):
    desk = project({"config.yaml": f"defaults:\n  {defaults}\n  - _self_\nseed: 5\noptimizer:\n  lr: 3\n"})
    module = desk.module

    config = desk.config()
    assert (config.seed, config.optimizer, config.model.encoder) == (5, module.Adam(lr=3), module.MLP())
    assert desk.config("optimizer=sgd", "model/encoder=cnn").optimizer == module.SGD(lr=3)


GROUPS = {
    "config.yaml": "defaults:\n  - optimizer: slow\n  - data: big\n  - _self_\n",
    "optimizer/slow.yaml": "kind: sgd\nlr: 1e-9\n",
    "optimizer/kindless.yaml": "lr: 3\n",
    "optimizer/bad.yaml": "kind: sgd\nlr: fast\nfoo: 3\n",
    "data/big.yaml": "root: /big\ncount: 99\n",
    "data/small.yaml": "n: 2\n",
    "model/encoder/deep.yaml": "depth: 50\n",
    "model/encoder/wide.yaml": "width: 50\n",
    "model/encoder/target.yaml": "_target_: a.b.MLP\ndepth: 8\n",
    "model/encoder/odd.yaml": "foo: 50\n",
    "exp/a.yaml": "# @package _global_\nseed: 77\noptimizer:\n  lr: 4\n",
    "exp/b.yaml": "# @package _global_\ndefaults:\n  - override /optimizer: adam\nseed: 78\n",
    "data/nested/deep.yaml": "# @package data\nnames: [q]\n",
}


def test_group_directories_add_options_to_unions_and_models(project):
    desk = project(GROUPS)
    module = desk.module

    assert desk.config().optimizer == module.SGD(lr=1e-9)
    assert desk.config("optimizer=adam").optimizer == module.Adam()
    assert [config.data.n for config in desk.configs("data=small,big")] == [2, 99]
    assert desk.config("data.count=6").data.n == 6
    encoders = [config.model.encoder for config in desk.configs("model/encoder=deep,wide,target,mlp")]
    assert encoders == [module.MLP(depth=50), module.CNN(width=50), module.MLP(depth=8), module.MLP()]
    assert desk.config("model/encoder=deep", "model.encoder.depth=3").model.encoder == module.MLP(depth=3)


def test_packages_put_values_where_they_say(project):
    desk = project(GROUPS)
    module = desk.module

    assert (desk.config("+exp=a").seed, desk.config("+exp=a").optimizer) == (77, module.SGD(lr=4))
    assert [(config.seed, config.optimizer.kind) for config in desk.configs("+exp=a,b")] == [(77, "sgd"), (78, "adam")]
    assert desk.config("+data/nested=deep").data.names == ["q"]


def test_what_is_wrong_in_yaml_is_told_with_file_and_line(project):
    desk = project(GROUPS)

    bad = desk.refused("optimizer=bad,slow", "seed=1,2")
    assert "optimizer.foo = 3  (conf/optimizer/bad.yaml:3)  in 2 of 4 points\n    There is no such key." in bad
    assert "optimizer.lr = 'fast'  (conf/optimizer/bad.yaml:2)  in 2 of 4 points" in bad
    assert "optimizer.kind  (default)\n    A value is required" in desk.refused("optimizer=kindless")
    assert "model.encoder.foo = 50  (conf/model/encoder/odd.yaml:1)" in desk.refused("model/encoder=odd")
    assert "exp = 'c'  (command line)\n    There is no such option. Known: a, b." in desk.refused("+exp=c")
    assert "exp\n    There is no such entry in the defaults list. To add it, write +exp=OPTION." in desk.refused(
        "exp=a"
    )


def test_every_wrong_value_of_a_file_is_told_at_once(project):
    desk = project(
        {
            "config.yaml": """\
                seed: three
                nme: x
                name: yes
                optimizer:
                  lr: -1
                  foo: 3
                data:
                  count: [1]
                opts: {a: b, c: 1}
                """
        }
    )

    message = desk.refused()

    assert message.startswith("7 problems in train:")
    for line in (
        "seed = 'three'  (conf/config.yaml:1)",
        "nme = 'x'  (conf/config.yaml:2)\n    There is no such key. Did you mean name?",
        "name = true  (conf/config.yaml:3)\n    Input should be a valid string. To give the text, quote it: 'true'",
        "optimizer.lr = -1  (conf/config.yaml:5)",
        "optimizer.foo = 3  (conf/config.yaml:6)\n    There is no such key. Known: optimizer.kind, optimizer.lr",
        "data.n = [1]  (conf/config.yaml:8)",
        "opts.a = 'b'  (conf/config.yaml:9)",
    ):
        assert line in message, line
    assert "seed" not in desk.refused("seed=1").replace("problems", "")


def test_interpolations_follow_what_is_swept(project):
    desk = project(
        {
            "config.yaml": """\
                seed: 3
                name: run-${seed}-${optimizer.lr}
                data:
                  n: ${seed}
                  root: ${oc.env:HOME}/x
                  names: ["${name}", "${seed}"]
                opts: {a: "${optimizer.lr}"}
                """
        }
    )

    configs = desk.configs("seed=1,2", "optimizer.lr=4")

    assert [(config.name, config.data.n, config.data.names, config.opts) for config in configs] == [
        ("run-1-4", 1, ["run-1-4", "1"], {"a": 4.0}),
        ("run-2-4", 2, ["run-2-4", "2"], {"a": 4.0}),
    ]
    assert desk.config("name=${data.names.1}").name == "3"


def test_an_interpolation_that_refers_to_nothing_hides_no_other_problem(project):
    desk = project({"config.yaml": "name: ${nope}\nseed: x\nopts: {a: '${seed}', b: '${optimizer.lr}'}\n"})

    message = desk.refused()

    assert "name = '${nope}'  (conf/config.yaml:1)\n    Interpolation key 'nope' not found" in message
    assert "seed = 'x'  (conf/config.yaml:2)" in message
    assert "opts.a = 'x'  (conf/config.yaml:3)" in message
    assert "opts.b" not in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: [1\nname: : x\n", "line 1, column 7"),
        ("seed: 1\nseed: 2\n", "found duplicate key seed"),
        ("seed:\t1\n", "cannot start any token"),
        ("- 1\n- 2\n", "Cannot merge DictConfig with ListConfig"),
        ("defaults: 3\nseed: 1\n", "defaults must be a list"),
        ("defaults:\n - nope\n - _self_\n", "Could not load 'nope'"),
        ("defaults:\n - optimizer: nope\n - _self_\n", "Could not find 'optimizer/nope'"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_the_reason(project, text, message):
    refused = project({"config.yaml": text}).refused()

    assert message in refused
    assert "full_key" not in refused
    assert "append" not in refused


def test_bytes_that_are_no_text_are_refused(desk):
    path = desk.write("conf/config.yaml", "")
    path.write_bytes(b"name: \xff\xfe\n")
    desk.script(SCHEMA, TRAIN)

    assert "can't decode" in desk.refused() or "unacceptable character" in desk.refused()


def test_an_empty_file_changes_nothing(project):
    assert project({"config.yaml": ""}).config().seed == 0


def test_other_primary_configs_and_directories_are_found(project):
    desk = project({"config.yaml": "seed: 1\n", "other.yaml": "seed: 9\n", "sub/inner.yaml": "seed: 4\n"})
    desk.write("more/optimizer/extra.yaml", "kind: adam\nlr: 8\n")
    desk.write("more/alternative.yaml", "seed: 88\n")

    assert desk.config("-cn", "other").seed == 9
    assert desk.config("-cn", "other.yaml", "seed=2").seed == 2
    assert desk.config("-cn", "sub/inner").seed == 4
    assert desk.config("-cp", "more", "-cn", "alternative").seed == 88
    assert desk.config("-cp", str(desk.path / "more"), "-cn", "alternative").seed == 88
    assert desk.config("-cd", "more", "optimizer=extra").optimizer == desk.module.Adam(lr=8)
    assert desk.config("-cd", "more", "-cn", "alternative").seed == 88
    assert desk.config("hydra.searchpath=[file://more]", "optimizer=extra").optimizer == desk.module.Adam(lr=8)


def test_the_search_path_of_the_primary_config_is_searched(project):
    desk = project({"config.yaml": "hydra:\n  searchpath:\n    - file://more\nseed: 1\n"})
    desk.write("more/optimizer/extra.yaml", "kind: adam\nlr: 8\n")

    assert desk.config("optimizer=extra").optimizer == desk.module.Adam(lr=8)
    assert "Known: adam, extra, sgd." in desk.refused("optimizer=zzz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-cn nope", "There is no such YAML file in"),
        ("-cp nope", "nope  (config directory)\n    There is no such directory."),
        ("-cd nope", "nope  (config directory)\n    There is no such directory."),
        ("hydra.run.dir=x", "Hydra only composes here."),
        ("hydra/launcher=x", "Hydra only composes here."),
    ],
)
def test_what_is_not_there_is_refused(project, arguments, message):
    refused = project({"config.yaml": "seed: 1\n"}).refused(*arguments.split())

    assert message in refused
    assert "_dummy" not in refused


def test_settings_may_stand_in_yaml(project):
    desk = project({"config.yaml": "xp:\n  logs: runs\n  jobs: x\n"})

    assert "xp.jobs = 'x'  (conf/config.yaml:3)\n    Input should be a valid integer" in desk.refused("-n")
    assert "into runs" in desk.type("-n", "xp.jobs=null").out
    assert "into 2024" in desk.type("-n", "xp.jobs=null", "xp.logs=2024").out
    wrong = desk.refused("xp.foo=3", "xp.jobs=-1", "xp.on_error=explode", "seed=x")
    assert wrong.startswith("4 problems in train:")
    assert "xp.foo = 3  (command line)\n    There is no such key." in wrong


MLXP = {
    "config.yaml": """\
        defaults:
          - db: mysql
          - _self_
        lr: 1e-3
        req: ???
        lst: [1, 2]
        ref: ${lr}
        db:
          port: 1
        """,
    "db/mysql.yaml": "host: m\nport: 3306\n",
    "db/pg.yaml": "host: p\nuser: ???\n",
}


def test_untyped_yaml_composes_as_hydra_composes_it(project):
    desk = project(MLXP, "", UNTYPED)

    assert desk.config("req=1") == {
        "lr": 0.001, "req": 1, "lst": [1, 2], "ref": 0.001, "db": {"host": "m", "port": 1},
    }  # fmt: skip
    assert [config.ref for config in desk.configs("req=1", "lr=1,2")] == [1, 2]
    assert desk.config("req=1", "db=pg", "db.user=x").db == {"host": "p", "port": 1, "user": "x"}
    assert desk.config("req=1", "+new.deep=[1]").new == {"deep": [1]}
    assert "lst" not in desk.config("req=1", "~lst")
    assert "req  (conf/config.yaml:5)\n    A value is required: give req=VALUE." in desk.refused()
    assert "db.user  (conf/db/pg.yaml:2)\n    A value is required" in desk.refused("req=1", "db=pg")
    assert "To add it, write +nope=1" in desk.refused("req=1", "nope=1")
    assert "Known: mysql, pg." in desk.refused("req=1", "db=foo")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("dbb=pg", "There is no such key yet. Did you mean db? To add it, write +dbb=pg"),
        ("extra/dbs=pg", "There is no such key yet. Did you mean extra/db?\n"),
        ("extra/dv=pg", "Did you mean extra/db?"),
        ("+xp/profil=local", "There is no such config group. Did you mean xp/profile?"),
        ("xp.foo=1", "There is no such key. Known: xp."),
    ],
)
def test_a_config_group_that_was_misspelt_is_named_without_a_schema_too(project, argument, message):
    desk = project({**MLXP, "extra/db/pg.yaml": "host: p\n"}, "", UNTYPED)

    assert message in f"{desk.refused('req=1', argument)}\n"


def test_an_untyped_config_that_is_to_be_seeded_needs_a_seed(desk):
    desk.script(
        "",
        """
        from omegaconf import DictConfig

        @typedxp.experiment(seed_with=seen.append)
        def train(config: DictConfig):
            seen.append(config)
        """,
    )

    assert "seed\n    The experiment is declared with seed_with" in desk.refused().replace("  (default)", "")
    assert "seed = 'x'  (command line)" in desk.refused("+seed=x")
    assert desk.configs("+seed=3") == [3, {"seed": 3}]
