"""Values of every type that a schema may have, as they are typed on the command line."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path

import pytest

SCHEMA = """
    class Color(enum.Enum):
        RED = "red"
        BLUE = "blue"

    class Size(enum.IntEnum):
        ONE = 1
        TWO = 2

    class Inner(BaseModel):
        a: int = 1
        b: list[int] = [1, 2]

    class Ints(RootModel[list[int]]):
        pass

    T = TypeVar("T")

    class Box(BaseModel, Generic[T]):
        v: T
        n: int = 1

    Positive = Annotated[int, Field(gt=0)]
    Number = typing.NewType("Number", int)

    class Config(BaseModel):
        name: str = "x"
        tags: list[str] = ["a"]
        flag: bool = False
        lr: float = 0.1
        literal: Literal["a", 1, True, None] = "a"
        words: Literal["1e3", "x"] = "x"
        color: Color = Color.RED
        only: Literal[Color.RED] = Color.RED
        size: Size = Size.ONE
        colors: set[Color] = {Color.RED}
        by_color: dict[Color, int] = {Color.RED: 1}
        optional: Optional[int] = None
        path: Path = Path("x")
        when: datetime.datetime = datetime.datetime(2020, 1, 1)
        day: datetime.date = datetime.date(2020, 1, 1)
        wait: datetime.timedelta = datetime.timedelta(seconds=3)
        waits: list[datetime.timedelta] = []
        pair: tuple[int, str] = (1, "a")
        many: tuple[float, ...] = (1.0,)
        ints: set[int] = {3, 1}
        texts: frozenset[str] = frozenset(["b", "a"])
        table: dict[str, int] = {"a": 1}
        paths: dict[str, Path] = {}
        numbered: dict[int, str] = {1: "a"}
        inner: Inner = Inner()
        int_or_text: int | str = 1
        float_or_auto: float | None | Literal["auto"] = None
        scalar: bool | int | str = True
        exact: decimal.Decimal = decimal.Decimal("1.5")
        raw: bytes = b"x"
        wave: complex = 1 + 2j
        anything: Any = None
        root: Ints = Ints([1])
        box: Box[int] = Box[int](v=1)
        positive: Positive = 1
        number: Number = Number(3)
        bytesize: pydantic.ByteSize = 10
        url: pydantic.HttpUrl | None = None
"""

TYPED = [
    ("name=1e3", "name", "1e3"),
    ("name=007", "name", "007"),
    ("name=1_000", "name", "1_000"),
    ("name=", "name", ""),
    ("name='true'", "name", "true"),
    ("name='a b, c'", "name", "a b, c"),
    (r"name=a\,b", "name", "a,b"),
    (r"name=a\ b", "name", "a b"),
    ("name='it\\'s'", "name", "it's"),
    ("name='ümlaut'", "name", "ümlaut"),
    ("name=str(3)", "name", "3"),
    ("name=${inner.a}", "name", "1"),
    ("name=${oc.env:TYPED}", "name", "from outside"),
    ("++name=3", "name", "3"),
    ("tags=[1e3,2]", "tags", ["1e3", "2"]),
    ("tags=[]", "tags", []),
    ("flag=yes", "flag", True),
    ("flag=1", "flag", True),
    ("lr=1e-3", "lr", 1e-3),
    ("lr=3", "lr", 3.0),
    ("lr=inf", "lr", float("inf")),
    ("lr=-inf", "lr", float("-inf")),
    ("literal=1", "literal", 1),
    ("literal=true", "literal", True),
    ("literal=null", "literal", None),
    ("words=1e3", "words", "1e3"),
    ("optional=3", "optional", 3),
    ("optional=null", "optional", None),
    ("optional=int(3.0)", "optional", 3),
    ("path=/a/b", "path", Path("/a/b")),
    ("path=2024", "path", Path("2024")),
    ("when=2024-01-02", "when", dt.datetime(2024, 1, 2)),  # noqa: DTZ001
    ("when=2024-01-02T03:04:05", "when", dt.datetime(2024, 1, 2, 3, 4, 5)),  # noqa: DTZ001
    ("day=2020-05-06", "day", dt.date(2020, 5, 6)),
    ("wait=PT3S", "wait", dt.timedelta(seconds=3)),
    ("wait=3.5", "wait", dt.timedelta(seconds=3.5)),
    ("wait='00:10:00'", "wait", dt.timedelta(minutes=10)),
    ("waits=[PT3S,4]", "waits", [dt.timedelta(seconds=3), dt.timedelta(seconds=4)]),
    ("pair=[2,3]", "pair", (2, "3")),
    ("pair.0=5", "pair", (5, "a")),
    ("pair[0]=5", "pair", (5, "a")),
    ("many=[1,2]", "many", (1.0, 2.0)),
    ("ints=[1,1,2]", "ints", {1, 2}),
    ("texts=[1,2]", "texts", frozenset({"1", "2"})),
    ("+table.b=2", "table", {"a": 1, "b": 2}),
    ("++table.b=2", "table", {"a": 1, "b": 2}),
    ("+table={b:2}", "table", {"a": 1, "b": 2}),
    ("~table.a", "table", {}),
    ("+paths.a=/x", "paths", {"a": Path("/x")}),
    ("numbered.1=b", "numbered", {1: "b"}),
    ("numbered={1:z}", "numbered", {1: "z"}),
    ("int_or_text=3", "int_or_text", 3),
    ("int_or_text=x", "int_or_text", "x"),
    ("int_or_text=3.5", "int_or_text", "3.5"),
    ("float_or_auto=auto", "float_or_auto", "auto"),
    ("float_or_auto=1e3", "float_or_auto", 1000.0),
    ("float_or_auto=null", "float_or_auto", None),
    ("scalar=1", "scalar", 1),
    ("scalar=x", "scalar", "x"),
    ("exact=1.50", "exact", decimal.Decimal("1.50")),
    ("exact='0.1'", "exact", decimal.Decimal("0.1")),
    ("raw=abc", "raw", b"abc"),
    ("raw=1", "raw", b"1"),
    ("wave=1+2j", "wave", 1 + 2j),
    ("wave=3", "wave", 3 + 0j),
    ("anything=1e3", "anything", 1000.0),
    ("anything={a:1,b:[2]}", "anything", {"a": 1, "b": [2]}),
    ("positive=2", "positive", 2),
    ("number=2", "number", 2),
    ("bytesize=10MB", "bytesize", 10_000_000),
]


def test_values_arrive_as_what_their_fields_say(desk, monkeypatch):
    monkeypatch.setenv("TYPED", "from outside")
    desk.script(SCHEMA)

    for argument, field, expected in TYPED:
        value = getattr(desk.config(argument), field)
        assert value == expected, argument
        assert isinstance(value, type(expected)), argument
        assert isinstance(value, bool) is isinstance(expected, bool), argument


def test_models_enums_and_root_models_arrive_as_themselves(desk):
    desk.script(SCHEMA)
    module = desk.module

    assert desk.config("color=blue").color is module.Color.BLUE
    assert desk.config("color=BLUE").color is module.Color.BLUE
    assert desk.config("only=red").only is module.Color.RED
    assert desk.config("only=RED").only is module.Color.RED
    assert desk.config("size=2").size is module.Size.TWO
    assert desk.config("size=TWO").size is module.Size.TWO
    assert desk.config("colors=[red,BLUE]").colors == {module.Color.RED, module.Color.BLUE}
    assert desk.config("+by_color.blue=2").by_color == {module.Color.RED: 1, module.Color.BLUE: 2}
    assert desk.config("inner={a:3}").inner == module.Inner(a=3)
    assert desk.config("inner.b[1]=7").inner == module.Inner(b=[1, 7])
    assert desk.config("root=[2,3]").root == module.Ints([2, 3])
    assert desk.config("box.v=2").box == module.Box[int](v=2)
    assert str(desk.config("url=http://a.b/c").url) == "http://a.b/c"


def test_what_is_written_down_is_plain_and_the_same_for_equal_sets(desk):
    desk.script(SCHEMA)

    values = desk.plain("colors=[blue,red]", "wait=3.5", "exact=1.50", "name=1e3")

    assert values["colors"] == ["blue", "red"]
    assert values["wait"] == "PT3.5S"
    assert values["exact"] == "1.5"
    assert values["name"] == "1e3"
    assert values["by_color"] == {"red": 1}


REFUSED = [
    ("lr=fast", "lr = 'fast'", "valid number"),
    ("name=true", "name = true", "quote it: name=\"'true'\""),
    ("name=null", "name = null", "valid string"),
    ("name=[1,2]", "name = [1, 2]", "valid string"),
    ("literal=b", "literal = 'b'", "'a', 1, True or None"),
    ("color=green", "color = 'green'", "'red' or 'blue'"),
    ("size=3", "size = 3", "1 or 2"),
    ("colors=red", "colors = 'red'", "valid set"),
    ("colors=[red,green]", "colors.1 = 'green'", "'red' or 'blue'"),
    ("when=now", "when = 'now'", "datetime"),
    ("wait=1h", "wait = '1h'", "timedelta"),
    ("pair=[2]", "pair = [2]", "Its element 1 is missing."),
    ("pair=[2,x,3]", "pair = [2, 'x', 3]", "at most 2 items"),
    ("many=[1,2,x]", "many.2 = 'x'", "valid number"),
    ("table.b=2", "table.b = 2", "To add it, write +table.b=2"),
    ("+table.b=x", "table.b = 'x'", "valid integer"),
    ("inner=3", "inner = 3", "valid dictionary or instance of Inner"),
    ("inner.a=1e400", "inner.a = 1e400", "finite number"),
    ("inner={c:3}", "inner.c = 3", "Known: inner.a, inner.b."),
    ("inner.b[1]=x", "inner.b.1 = 'x'", "valid integer"),
    ("float_or_auto=aut", "float_or_auto = 'aut'", "or: Input should be 'auto'"),
    ("root=[x]", "root.0 = 'x'", "valid integer"),
    ("box.v=x", "box.v = 'x'", "valid integer"),
    ("positive=0", "positive = 0", "greater than 0"),
    ("name=${nope}", "name = '${nope}'", "'nope' not found"),
    ("name=${oc.env:TYPED_NOPE}", "name = '${oc.env:TYPED_NOPE}'", "not found"),
    ("+name=3", "name = 3", "Set it without the '+': name=3"),
]


def test_wrong_values_are_named_as_they_were_typed_with_the_reason(desk):
    desk.script(SCHEMA)

    for argument, what, reason in REFUSED:
        message = desk.refused(argument)
        assert message.startswith("1 problem in train:\n"), argument
        assert f"  {what}  (command line)\n" in message, argument
        assert reason in message, argument


def test_a_strict_schema_takes_the_texts_of_dates_paths_and_sets_and_nothing_looser(desk):
    desk.script(
        """
        class Config(BaseModel):
            model_config = ConfigDict(strict=True)
            x: int = 1
            f: float = 1.0
            p: Path = Path("a")
            t: tuple[int, int] = (1, 2)
            d: datetime.date = datetime.date(2020, 1, 1)
            e: set[int] = {1}
        """
    )

    config = desk.config("p=b", "t=[3,4]", "d=2021-01-01", "e=[5]", "f=2")

    assert (config.p, config.t, config.d, config.e) == (Path("b"), (3, 4), dt.date(2021, 1, 1), {5})
    assert "x = '3'" in desk.refused("x='3'")


def test_extra_keys_are_taken_where_the_schema_allows_them_and_nowhere_else(desk):
    desk.script(
        """
        class Open(BaseModel):
            model_config = ConfigDict(extra="allow")
            x: int = 1

        class Deaf(BaseModel):
            model_config = ConfigDict(extra="ignore")
            x: int = 1

        class Config(BaseModel):
            model_config = ConfigDict(frozen=True, extra="forbid")
            open: Open = Open()
            deaf: Deaf = Deaf()
            n: int = 1
            _private: int = PrivateAttr(5)

            @computed_field
            @property
            def twice(self) -> int:
                return self.n * 2
        """
    )

    for key in ("deaf.y", "twice", "_private", "z"):
        assert "There is no such key" in desk.refused(f"+{key}=3")
    assert "To add it, write +open.y=3" in desk.refused("open.y=3")
    config = desk.config("+open.y.z=[1,2]", "n=4")
    assert config.open.y == {"z": [1, 2]}
    assert config.twice == 8
    assert desk.plain("+open={q:1}")["open"] == {"x": 1, "q": 1}


def test_aliases_and_names_are_both_accepted_and_written_by_name(desk):
    desk.script(
        """
        class Inner(BaseModel):
            x: int = Field(1, alias="ex")

        class Config(BaseModel):
            lr: float = Field(0.1, alias="learning_rate", gt=0)
            n: int = Field(1, validation_alias="num")
            m: int = Field(1, validation_alias=AliasChoices("em", "emm"))
            s: int = Field(1, serialization_alias="ess")
            required: int = Field(alias="req")
            inner: Inner = Inner()
        """
    )

    assert "required  (default)\n    A value is required: give required=VALUE." in desk.refused("lr=1")
    wrong = desk.refused("learning_rate=-1", "num=x", "em=y", "req=z", "inner.ex=w")
    assert [line.split()[0] for line in wrong.splitlines() if " = " in line] == ["lr", "n", "m", "required", "inner.x"]
    by_alias = desk.plain("learning_rate=2", "num=3", "emm=4", "req=5", "s=6", "inner={ex:7}")
    by_name = desk.plain("lr=2", "n=3", "m=4", "required=5", "s=6", "inner.x=7")
    assert by_alias == by_name == {"lr": 2.0, "n": 3, "m": 4, "s": 6, "required": 5, "inner": {"x": 7}}


def test_a_recursive_model_is_given_level_by_level(desk):
    desk.script(
        """
        class Node(BaseModel):
            v: int = 1
            child: Optional["Node"] = None
            kids: list["Node"] = []

        class Config(BaseModel):
            root: Node = Node()
        """
    )

    assert desk.config("root.child={v:3}").root.child.v == 3
    assert desk.config("+root.child.v=3").root.child.v == 3
    assert "root.kids.1.v = 'y'" in desk.refused("root.kids=[{v:1},{v:y}]")
    assert "root.child.v = 'x'" in desk.refused("root.child={v:x}")


@pytest.mark.parametrize("value", ["nan", "NaN"])
def test_not_a_number_is_kept_and_planned_once(desk, value):
    desk.script("class Config(BaseModel):\n    u: float = 1.0")

    configs = desk.configs(f"u={value},{value},1.0")

    assert [repr(config.u) for config in configs] == ["nan", "1.0"]
