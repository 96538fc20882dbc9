"""Config groups: fields that hold one of several models, or one or nothing."""

from __future__ import annotations

import os
import subprocess
import sys

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

    class Head(BaseModel):
        w: int = 1
        optimizer: SGD | Adam = Field(Adam(lr=5), discriminator="kind")

    class Model(BaseModel):
        encoder: CNN | MLP = CNN()
        head: Optional[Head] = None
        size: int = 1

    class Config(BaseModel):
        seed: int = 0
        optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")
        second: SGD | Adam = Field(Adam(lr=3), discriminator="kind")
        model: Model = Model(encoder=MLP(depth=7))
        schedule: CNN | None = None

    typedxp.register(SGD(lr=1.0), group="optimizer", name="fast")
    typedxp.register(Model(encoder=CNN(width=9), head=Head(w=5, optimizer=SGD(lr=8))), group="model", name="big")
    typedxp.register(Head, group="model/head", name="other")
    typedxp.register({"width": 55}, group="schedule", name="raw")
"""


@pytest.fixture(autouse=True)
def schema(desk, monkeypatch):
    monkeypatch.setattr("typedxp.stages.declare.registry._registered", {})
    desk.script(SCHEMA)
    return desk.module


def test_a_default_instance_is_kept_whole_its_parts_included(desk, schema):
    assert desk.config() == schema.Config()


def test_an_option_stands_for_a_member_with_its_own_defaults(desk, schema):
    assert desk.config("optimizer=adam").optimizer == schema.Adam()
    assert desk.config("second=adam").second == schema.Adam()
    assert desk.config("second=default").second == schema.Adam(lr=3)
    assert desk.config("second=sgd").second == schema.SGD()
    assert desk.config("second.lr=2").second == schema.Adam(lr=2)
    assert desk.config("model/encoder=cnn").model == schema.Model(encoder=schema.CNN())
    assert desk.config("model/encoder=cnn", "model.encoder.width=4").model.encoder == schema.CNN(width=4)
    assert desk.config("model.encoder=cnn", "model.encoder.width=4").model.encoder == schema.CNN(width=4)


def test_a_registered_option_is_that_instance_its_parts_included(desk, schema):
    big = schema.Model(encoder=schema.CNN(width=9), head=schema.Head(w=5, optimizer=schema.SGD(lr=8)))

    assert desk.config("optimizer=fast").optimizer == schema.SGD(lr=1.0)
    assert desk.config("model=big").model == big
    assert desk.config("model.size=3", "model=big").model == big.model_copy(update={"size": 3})
    assert desk.config("model=big", "model/encoder=mlp").model == big.model_copy(update={"encoder": schema.MLP()})
    assert desk.config("model/head=other").model.head == schema.Head()
    assert desk.config("schedule=raw").schedule == schema.CNN(width=55)


def test_null_and_an_option_are_both_chosen_by_name_and_swept(desk, schema):
    assert desk.config("schedule=cnn").schedule == schema.CNN()
    assert [config.schedule for config in desk.configs("schedule=cnn,null")] == [schema.CNN(), None]
    assert desk.config("model=big", "model/head=null").model.head is None
    assert desk.config("model=big", "model.head=null").model.head is None
    assert desk.config("model/head=head", "model/head/optimizer=sgd").model.head.optimizer == schema.SGD()


def test_a_discriminator_by_value_means_that_member_with_its_own_defaults(desk, schema):
    assert desk.config("optimizer.kind=adam").optimizer == schema.Adam()
    assert [config.optimizer for config in desk.configs("optimizer.kind=adam,sgd")] == [schema.Adam(), schema.SGD()]
    assert desk.config("optimizer=adam", "optimizer.kind=adam").optimizer == schema.Adam()


def test_never_one_member_with_the_defaults_of_another(desk):
    chosen = "The other values are those of optimizer=sgd. Choose the option itself, as in optimizer=adam."
    assert chosen in desk.refused("optimizer={kind:adam}")
    assert chosen in desk.refused("optimizer={kind:adam,lr:2}")
    assert "as in optimizer=sgd." in desk.refused("optimizer=adam", "optimizer.kind=sgd")
    assert desk.refused("optimizer.kind=foo") == (
        "1 problem in train:\n  optimizer.kind = 'foo'  (command line)\n    There is no such option. Known: adam, sgd."
    )


def test_hydras_sweeps_work_on_options(desk, schema):
    sgd, adam, fast = schema.SGD(), schema.Adam(), schema.SGD(lr=1.0)

    def swept(argument):
        return [config.optimizer for config in desk.configs(argument)]

    assert swept("optimizer=adam,fast,sgd") == [adam, fast, sgd]
    assert swept("optimizer=choice(sgd,adam)") == [sgd, adam]
    assert swept("optimizer=glob(*)") == [adam, fast, sgd]
    assert swept("optimizer=glob([*],exclude=fast)") == [adam, sgd]
    assert swept("optimizer=sort(sgd,adam)") == [adam, sgd]
    assert swept("optimizer=sort(sgd,adam,reverse=true)") == [sgd, adam]
    assert sorted(map(str, swept("optimizer=shuffle(sgd,adam)"))) == sorted(map(str, [sgd, adam]))


def test_the_last_axis_varies_fastest_as_in_hydra(desk):
    configs = desk.configs("optimizer=sgd,adam", "seed=1,2", "-m")

    assert [(config.optimizer.kind, config.seed) for config in configs] == [
        ("sgd", 1),
        ("sgd", 2),
        ("adam", 1),
        ("adam", 2),
    ]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("optimizer=ada", "optimizer = 'ada'  (command line)\n    There is no such option. Did you mean adam?"),
        ("optimizer=Adam", "Did you mean adam?"),
        ("optimizer=3", "optimizer = 3  (command line)\n    There is no such option. Known: adam, fast, sgd."),
        ("optimizer=null", "optimizer = null  (command line)\n    It cannot be null."),
        ("optimizer.betas=[1,2]", "There is no such key. It belongs to optimizer=adam."),
        ("optimizer={betas:[1,2]}", "optimizer.betas = [1, 2]  (command line)"),
        ("model.encoder.width=3", "There is no such key. It belongs to model/encoder=cnn."),
        ("model.head.w=3", "model.head has no option yet. Choose one first: model/head=head."),
        ("schedule.width=2", "schedule has no option yet. Choose one first: schedule=cnn."),
        ("model/head/optimizer=sgd", "model/head/optimizer\n    There is no such entry in the defaults list."),
        ("encoder=cnn", "Did you mean model/encoder?"),
        ("optimizer/kind=adam", "Did you mean optimizer.kind?"),
        ("model/size=3", "Did you mean model.size?"),
        ("model.encoder=cn", "model/encoder = 'cn'  (command line)\n    There is no such option. Did you mean cnn?"),
        ("optimiser=adam", "Did you mean optimizer?"),
        ("model/encodr=cnn", "There is no such key. Did you mean model/encoder?"),
        (
            "xp/profil=slurm",
            "xp/profil = 'slurm'  (command line)\n    There is no such config group. Did you mean xp/profile?",
        ),
        ("+xp/profil=slurm", "Did you mean xp/profile?"),
        ("xp/profil=slurm,local", "Did you mean xp/profile?"),
        ("xp.profil=slurm", "Did you mean xp/profile?"),
        ("xp/jobs=2", "Did you mean xp.jobs?"),
        ("xp/profile=slrum", "There is no such option. Did you mean slurm? Known: local, lsf, "),
        ("optimizer=sgd optimizer.lr=-1,2", "optimizer.lr = -1  (command line)  in 1 of 2 points"),
        ("optimizer=sgd,adam optimizer.betas=[1,2]", "in 1 of 2 points"),
    ],
)
def test_a_choice_that_does_not_fit_is_refused_with_what_does(desk, argument, message):
    assert message in desk.refused(*argument.split())


def test_every_misspelt_option_of_a_sweep_is_named(desk):
    message = desk.refused("optimizer=ssgd,adam,fost")

    assert message.startswith("2 problems in train:")
    assert "Did you mean sgd?" in message
    assert "Did you mean fast?" in message


def test_a_required_group_is_asked_for_with_everything_else_that_is_missing(desk):
    desk.script(
        """
        class In(BaseModel):
            a: int

        class Out(BaseModel):
            c: int

        class Config(BaseModel):
            i: In
            u: In | Out
            o: In | None
        """
    )

    message = desk.refused()

    assert "i.a  (default)\n    A value is required: give i.a=VALUE." in message
    assert "u  (default)\n    A value is required: choose u=in or u=out." in message
    assert "o  (default)\n    A value is required: choose o=in or o=null." in message
    parts = desk.refused("u=out,in")
    assert "u.c  (default)  in 1 of 2 points" in parts
    assert "i.a  (default)  in 2 of 2 points" in parts
    assert desk.config("i.a=1", "u=in", "u.a=2", "o=null") == desk.module.Config(
        i=desk.module.In(a=1), u=desk.module.In(a=2), o=None
    )


def test_options_of_hydra_zen_and_of_the_config_store_are_found(desk):
    desk.script(
        """
        from hydra.core.config_store import ConfigStore
        from hydra_zen import builds, store

        class Slow(BaseModel):
            kind: Literal["slow"] = "slow"
            rate: float = Field(0.1, gt=0)

        class Quick(BaseModel):
            kind: Literal["quick"] = "quick"
            rate: float = Field(0.5, gt=0)

        class Wide(BaseModel):
            width: int = 3

        class Deep(BaseModel):
            depth: int = 2

        class Config(BaseModel):
            typedxp_pace: Slow | Quick = Field(default_factory=Slow, discriminator="kind")
            typedxp_net: Wide | Deep = Wide()

        store(Slow, rate=5, group="typedxp_pace", name="zen")
        store(builds(Quick, rate=6), group="typedxp_pace", name="built")
        store(Deep, depth=9, group="typedxp_net", name="deep9")
        ConfigStore.instance().store(group="typedxp_pace", name="stored", node={"kind": "quick", "rate": 7})
        ConfigStore.instance().store(group="typedxp_pace", name="broken", node={"kind": "quick", "rate": -7, "zzz": 3})
        """
    )
    module = desk.module

    assert [config.typedxp_pace for config in desk.configs("typedxp_pace=zen,built,stored")] == [
        module.Slow(rate=5),
        module.Quick(rate=6),
        module.Quick(rate=7),
    ]
    assert desk.config("typedxp_net=deep9").typedxp_net == module.Deep(depth=9)
    broken = desk.refused("typedxp_pace=broken")
    assert "typedxp_pace.zzz = 3  (default)\n    There is no such key." in broken
    assert "typedxp_pace.rate = -7  (default)\n    Input should be greater than 0" in broken


def test_two_classes_for_one_option_are_refused(desk):
    desk.script(
        """
        class A(BaseModel):
            x: int = 1

        class B(BaseModel):
            y: int = 1

        class Config(BaseModel):
            part: A | B = A()

        typedxp.register(B(), group="part", name="a")
        """
    )

    assert "The option part=a would mean both A and B: rename one." in desk.refused()


def test_a_registered_value_of_a_foreign_class_is_refused(desk, schema):
    desk.module.typedxp.register(schema.CNN(), group="optimizer", name="odd")

    assert "optimizer=odd is a CNN; optimizer takes SGD, Adam." in desk.refused()


def test_members_with_the_same_fields_are_not_confused(desk):
    desk.script(
        """
        class One(BaseModel):
            x: int = 1

        class Two(BaseModel):
            x: int = 1

        class Config(BaseModel):
            part: One | Two = One()
        """,
        TRAIN,
    )
    module = desk.module

    assert [config.part for config in desk.configs("part=one,two")] == [module.One(), module.Two()]
    done = subprocess.run(
        [sys.executable, "train.py", "part=one,two", "-j", "2"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    names = [path.read_text(encoding="utf-8") for path in sorted((desk.path / "logs").glob("[34]/stdout.log"))]
    assert names == ["One\n", "Two\n"]


TRAIN = """
@typedxp.experiment
def train(config: Config) -> None:
    seen.append(config)
    print(type(config.part).__name__)


if __name__ == "__main__":
    train.main()
"""
