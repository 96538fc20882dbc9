"""Times and memory, as users write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from typedxp.schedulers import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("90m", 5400),
        ("90min", 5400),
        ("45s", 45),
        ("1d12h", 129_600),
        ("1d 12h", 129_600),
        ("1w", 604_800),
        ("1.5h", 5400),
        ("0.5s", 1),
        ("02:00:00", 7200),
        ("100:00:00", 360_000),
        ("1-00:00:00", 86_400),
        ("1-12:00", 129_600),
        (timedelta(hours=2), 7200),
    ],
)
def test_times_are_read(text, seconds) -> None:
    assert units.read_walltime(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["90", "2:30", "", "h", "-1h", "0s", "2h nonsense", "1-", "two hours", "9999999999d", "9999999999-00:00:00", 90],
)
def test_times_that_schedulers_read_differently_are_refused(text) -> None:
    with pytest.raises(PydanticCustomError, match="A time is written as"):
        units.read_walltime(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("16G", 16 * 2**30), ("512MB", 512 * 2**20), ("1.5GiB", 3 * 2**29), ("1 T", 2**40), ("100k", 100 * 2**10)],
)
def test_memory_is_read(text, size) -> None:
    assert units.read_memory(text) == size


@pytest.mark.parametrize("text", ["16", "G", "-1G", "0G", "1GG", "1 gigabyte", "9" * 400 + "G", 16])
def test_memory_that_schedulers_read_differently_is_refused(text) -> None:
    with pytest.raises(PydanticCustomError, match="Memory is written as"):
        units.read_memory(text)


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_spelt_times_are_read_again(time) -> None:
    whole = units.read_walltime(time)

    assert units.read_walltime(units.days_clock(whole)) == whole
    assert units.read_walltime(units.clock(whole)) == whole
    assert units.minutes(whole) * 60 >= units.seconds(whole) > (units.minutes(whole) - 1) * 60


@given(st.integers(1, 2**40))
def test_spelt_memory_is_read_again_and_never_less(kilobytes) -> None:
    size = kilobytes * 1024

    assert units.read_memory(units.spell_memory(size)) == size
    assert units.spell_memory(size - 1) == units.spell_memory(size)
    assert units.megabytes(size) * 1024 >= units.kilobytes(size) == kilobytes


def test_memory_is_spelt_in_the_largest_unit() -> None:
    assert [units.spell_memory(size) for size in (1, 1536 * 2**20, 2**34)] == ["1K", "1536M", "16G"]
