"""Validators of the user: across fields, changing what they get, or raising what they like."""

from __future__ import annotations


def test_a_rule_across_fields_is_told_with_its_own_words(desk):
    desk.script(
        """
        class Inner(BaseModel):
            a: int = 1
            b: int = 2

            @model_validator(mode="after")
            def ordered(self):
                assert self.a <= self.b, "a is above b"
                return self

        class Config(BaseModel):
            a: int = 1
            b: int = 2
            inner: Inner = Inner()

            @model_validator(mode="after")
            def ordered(self):
                if self.a > self.b:
                    raise ValueError("a must not be above b")
                return self
        """
    )

    assert desk.refused("a=3,1,5", "b=2,4") == (
        "1 problem in train:\n  the config as a whole  in 3 of 6 points, such as a=3 b=2\n    a must not be above b"
    )
    assert "  inner  in 1 of 2 points, such as inner.a=4\n    a is above b" in desk.refused("inner.a=3,4", "inner.b=3")


def test_a_validator_that_changes_its_input_does_not_change_other_points(desk):
    desk.script(
        """
        class Config(BaseModel):
            xs: list[int] = [1]
            n: int = 0

            @field_validator("xs", mode="before")
            @classmethod
            def mark(cls, value):
                if 9 not in value:
                    value.append(9)
                return value
        """
    )

    assert [(config.xs, config.n) for config in desk.configs("xs=[1],[2]", "n=1,2")] == [
        ([1, 9], 1), ([1, 9], 2), ([2, 9], 1), ([2, 9], 2),
    ]  # fmt: skip


def test_a_validator_that_changes_its_own_result_is_refused(desk):
    desk.script(
        """
        class Config(BaseModel):
            x: float = 1
            xs: list[int] = [1]

            @field_validator("x")
            @classmethod
            def double(cls, value):
                return value * 2

            @field_validator("xs", mode="before")
            @classmethod
            def longer(cls, value):
                return [*value, 9]
        """
    )

    message = desk.refused("x=2")

    assert "x = 4.0  (command line)\n    It becomes 8.0 when it is written to config.yaml and read back." in message
    assert "xs = [1, 9]  (default)\n    It becomes [1, 9, 9] when it is written" in message


def test_a_validator_that_raises_something_else_is_named_with_its_line(desk):
    desk.script(
        """
        class Config(BaseModel):
            x: float = 1

            @field_validator("x")
            @classmethod
            def broken(cls, value):
                return value["a"]
        """
    )

    message = desk.refused("x=2")

    assert "A validator of the schema raised TypeError: 'float' object is not subscriptable" in message
    assert "train.py:" in message


def test_defaults_that_are_made_anew_are_made_for_every_run(desk):
    desk.script(
        """
        import itertools
        count = itertools.count()

        class Config(BaseModel):
            number: int = Field(default_factory=lambda: next(count))
            double: int = Field(default_factory=lambda data: data["number"] * 2)
            seed: int = 0
        """
    )

    configs = desk.configs("seed=1,2")

    assert configs[0].number != configs[1].number
    assert [config.double for config in configs] == [config.number * 2 for config in configs]
