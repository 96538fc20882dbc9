"""Every kind of schema, from its declaration to the function that is called."""

from __future__ import annotations

import pytest

from typedxp.errors import DeclarationError


@pytest.mark.parametrize(
    "decorator",
    ["dataclasses.dataclass", "pydantic.dataclasses.dataclass", "dataclasses.dataclass(frozen=True, slots=True)"],
)
def test_dataclasses_are_schemas(desk, decorator):
    desk.script(
        f"""
        @{decorator}
        class Inner:
            x: int = 1

        @{decorator}
        class Config:
            need: int
            lr: Annotated[float, Field(gt=0)] = 0.1
            inner: Inner = dataclasses.field(default_factory=Inner)
            maybe: Inner | None = None
            xs: list[int] = dataclasses.field(default_factory=lambda: [1])
        """
    )
    module = desk.module

    assert desk.config("need=1") == module.Config(need=1)
    assert desk.config("need=1", "inner.x=3", "maybe=inner", "xs=[2]") == module.Config(
        need=1, inner=module.Inner(x=3), maybe=module.Inner(), xs=[2]
    )
    message = desk.refused("need=x", "lr=0", "inner.y=3")
    assert "need = 'x'  (command line)" in message
    assert "lr = 0  (command line)\n    Input should be greater than 0" in message
    assert "inner.y = 3  (command line)\n    There is no such key. Known: inner.x." in message


def test_a_signature_is_a_schema(desk):
    desk.script(
        "class SGD(BaseModel):\n    x: int = 1\n\nclass Adam(BaseModel):\n    y: int = 1\n",
        """
        @typedxp.experiment
        def train(
            run, lr: float, *, b: Annotated[int, Field(gt=0)], c=3, d: str | None = None, opt: SGD | Adam = SGD()
        ):
            seen.append((lr, b, c, d, opt))
        """,
    )

    assert desk.config("lr=1", "b=2") == (1.0, 2, 3, None, desk.module.SGD())
    assert desk.config("lr=1", "b=2", "c=4", "d=1e3", "opt=adam") == (1.0, 2, 4, "1e3", desk.module.Adam())
    message = desk.refused("b=-1", "c=x", "run=3")
    for line in ("lr  (default)\n    A value is required: give lr=VALUE.", "b = -1", "c = 'x'", "run = 3"):
        assert line in message


def test_parameters_and_fields_may_be_called_like_methods(desk):
    desk.script(
        "",
        """
        @typedxp.experiment
        def train(self: int = 1, config: int = 1, key: int = 1, kind: int = 1, copy: int = 1, json: int = 1, schema=1):
            seen.append((self, config, key, kind, copy, json, schema))
        """,
    )
    assert desk.config("self=2", "config=3", "key=4", "kind=5", "copy=6", "json=7", "schema=8") == (2, 3, 4, 5, 6, 7, 8)

    desk.script(
        """
        class Config(BaseModel):
            self: int = 1
            config: int = 1
            run: int = 1
            items: int = 3
            values: int = 4
            keys: int = 5
            class_: int = Field(3, alias="class")
        """
    )
    assert desk.plain("self=2", "config=3", "run=4", "items=5", "values=6", "keys=7", "class=8") == {
        "self": 2, "config": 3, "run": 4, "items": 5, "values": 6, "keys": 7, "class_": 8,
    }  # fmt: skip


@pytest.mark.parametrize("annotation", ["Config", "Annotated[Config, 'a note']", "'Config'"])
def test_one_parameter_with_a_schema_takes_the_config_whatever_it_is_called(desk, annotation):
    desk.script(
        "class Config(BaseModel):\n    a: int = 1",
        f"@typedxp.experiment\ndef train(settings: {annotation}, log: typedxp.Run):\n"
        "    seen.append((settings.a, log.id))\n",
    )

    assert desk.config("a=2") == (2, 1)


def test_functions_without_parameters_run_once(desk):
    desk.script("", "@typedxp.experiment\ndef train():\n    seen.append(1)\n")

    assert desk.configs() == [1]
    assert "There is no such key." in desk.refused("a=1")


def test_the_seed_is_set_before_the_function(desk):
    desk.script(
        "class Config(BaseModel):\n    seed: int = 1",
        "@typedxp.experiment(seed_with=seen.append, name='my-train')\n"
        "def train(config: Config):\n    seen.append(config)\n",
    )

    assert desk.configs("seed=2,3") == [2, desk.module.Config(seed=2), 3, desk.module.Config(seed=3)]
    assert desk.refused("seed=x").startswith("1 problem in my-train:")


@pytest.mark.parametrize(
    ("schema", "train", "message"),
    [
        ("", "def train(lr, run): ...", "train does not say what 'lr' is"),
        ("", "def train(run, *args): ...", "by name only"),
        ("", "def train(x: int, /, run): ...", "by name only"),
        ("", "async def train(): ...", "train is no plain function"),
        ("", "def train():\n    yield 1", "train is no plain function"),
        ("", "class Train: ...", "decorate a function"),
        ("", "def train(config: Nope): ...", "name 'Nope' is not defined"),
    ],
)
def test_a_function_that_cannot_be_an_experiment_is_refused_when_it_is_declared(desk, schema, train, message):
    with pytest.raises(DeclarationError, match=message):
        desk.script(schema, f"@typedxp.experiment\n{train}\n")


@pytest.mark.parametrize("name", ["a b", "", "a/b", "1a", "é" * 200])
def test_a_name_that_cannot_be_a_name_is_refused(desk, name):
    if not name:
        desk.script("", "@typedxp.experiment(name='')\ndef train(): ...\n")
        assert desk.experiment.name == "train"
        return
    with pytest.raises(DeclarationError, match="cannot be called"):
        desk.script("", f"@typedxp.experiment(name={name!r})\ndef train(): ...\n")


def test_seeding_without_a_seed_is_refused_when_it_is_declared(desk):
    with pytest.raises(DeclarationError, match=r"its config has no field 'seed'. Did you mean sed\?"):
        desk.script(
            "class Config(BaseModel):\n    sed: int = 1",
            "@typedxp.experiment(seed_with=print)\ndef train(config: Config): ...\n",
        )


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("class Config(BaseModel):\n    xp: int = 1", "xp: xp is reserved for typedxp's own settings."),
        ("class Config(BaseModel):\n    hydra: int = 1", "hydra: hydra is reserved for Hydra's own settings."),
        ("class Config(BaseModel):\n    a: int = Field(1, alias='xp')", "a: xp is reserved"),
        (
            "class In(BaseModel):\n    defaults: int = 1\n\nclass Config(BaseModel):\n    i: In = In()",
            "i.defaults: defaults is reserved for Hydra's defaults lists.",
        ),
        (
            "class Config(BaseModel):\n    f: typing.Callable[[int], int] = print\n    ok: int = 1",
            "f: Callable[[int], int] cannot be given on a command line or written to a file.",
        ),
        (
            (
                "class Thing: ...\n\nclass Config(BaseModel):\n"
                "    model_config = ConfigDict(arbitrary_types_allowed=True)\n    o: Thing = Thing()"
            ),
            "o: Thing cannot be given on a command line",
        ),
        (
            "@dataclasses.dataclass\nclass Config:\n    b: int = dataclasses.field(init=False, default=3)",
            "b: a field with init=False",
        ),
        ("@dataclasses.dataclass\nclass Config:\n    b: dataclasses.InitVar[int] = 3", "b: an InitVar is not kept"),
        ("class Config(BaseModel):\n    b: int = Field(3, exclude=True)", "b: a field that is not written"),
        ("class Config(BaseModel):\n    b: 'Nope' = 3", "Config: name 'Nope' is not defined."),
        ("@dataclasses.dataclass\nclass Config:\n    b: 'Nope' = 3", "Config: name 'Nope' is not defined."),
        (
            "class In(BaseModel):\n    b: 'Nope' = 3\n\nclass Config(BaseModel):\n    i: In | None = None",
            "name 'Nope' is not defined.",
        ),
        (
            (
                "class A(BaseModel):\n    x: int = 1\n\nclass B(A):\n    y: int = 2\n\n"
                "class Config(BaseModel):\n    a: A = B(y=7)"
            ),
            "a: it is a B where its type names A. Add it there.",
        ),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_is_refused_with_the_field(desk, schema, message):
    desk.script(schema)

    refused = desk.refused()

    assert refused.startswith("Config cannot be the schema of an experiment:\n")
    assert message in refused


def test_aliases_of_types_and_later_classes_are_followed(desk):
    desk.script(
        """
        from typing_extensions import TypeAliasType

        class Config(BaseModel):
            part: "Part" = Field(default_factory=lambda: One())
            rate: "Rate" = 0.5

        class One(BaseModel):
            x: int = 1

        class Two(BaseModel):
            y: int = 2

        Part = TypeAliasType("Part", One | Two)
        Rate = TypeAliasType("Rate", Annotated[float, Field(gt=0)])
        """
    )

    assert desk.config("part=two", "part.y=3").part == desk.module.Two(y=3)
    assert "rate = 0  (command line)" in desk.refused("rate=0")


def test_declaring_twice_in_one_module_keeps_both_apart(desk):
    desk.script(
        "class Config(BaseModel):\n    a: int = 1",
        "@typedxp.experiment\ndef one(config: Config):\n    seen.append(config)\n\n"
        "@typedxp.experiment(name='two')\ndef other(b: int = 2):\n    seen.append(b)\n",
    )

    assert {desk.module.one.name, desk.module.other.name} == {"one", "two"}
    assert desk.config("a=4").a == 4
