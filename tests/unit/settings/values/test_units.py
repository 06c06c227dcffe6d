import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings.values.units import MILLISECONDS, SECONDS, SIZE, Unit


@pytest.mark.parametrize(
    ("unit", "text", "amount"),
    [
        (SIZE, "1MB", 1),
        (SIZE, "512MB", 512),
        (SIZE, "2GB", 2048),
        (SIZE, "1.5GB", 1536),
        (SIZE, "0.125TB", 131_072),
        (SECONDS, "30s", 30),
        (SECONDS, "5m", 300),
        (SECONDS, "24h", 86_400),
        (MILLISECONDS, "0ms", 0),
        (MILLISECONDS, "500ms", 500),
        (MILLISECONDS, "1s", 1000),
        (MILLISECONDS, "1m", 60_000),
    ],
)
def test_reads_an_amount_with_its_unit(unit: Unit, text: str, amount: int) -> None:
    assert unit.parse(text) == amount


@pytest.mark.parametrize("value", [512, 1.5])
def test_a_bare_number_lacks_its_unit(value: float) -> None:
    with pytest.raises(ValueError, match=r"must be a size such as 512MB, 2GB or 1\.5GB; the unit is missing"):
        SIZE.parse(value)


@pytest.mark.parametrize(
    "value",
    ["", "512", "512 MB", "512M", "512MiB", "-1MB", "1e3MB", "1,5GB", "٣MB", "MB", "1MB\n", True, None, []],
)
def test_refuses_other_spellings_of_a_size(value: object) -> None:
    with pytest.raises(ValueError, match=r"must be a size such as 512MB, 2GB or 1\.5GB$"):
        SIZE.parse(value)


@pytest.mark.parametrize("value", ["512mb", "512Mb"])
def test_a_size_in_small_letters_is_spelled(value: str) -> None:
    with pytest.raises(ValueError, match=r"1\.5GB; write 512MB$"):
        SIZE.parse(value)


def test_refuses_a_part_of_a_megabyte() -> None:
    with pytest.raises(ValueError, match="a whole number of MB"):
        SIZE.parse("1.5MB")


@pytest.mark.parametrize("value", ["500ms", "1.5h", "1d", "30 s", "30"])
def test_refuses_other_spellings_of_a_duration(value: str) -> None:
    with pytest.raises(ValueError, match="must be a duration in whole seconds such as 30s, 5m or 24h"):
        SECONDS.parse(value)


@pytest.mark.parametrize(
    ("unit", "amount", "text"),
    [(SIZE, 1536, "1536MB"), (SIZE, 2048, "2GB"), (SIZE, 0, "0MB"), (SECONDS, 86_400, "24h"), (SECONDS, 90, "90s")],
)
def test_writes_the_largest_unit_that_fits(unit: Unit, amount: int, text: str) -> None:
    assert unit.format(amount) == text


@given(st.sampled_from([SIZE, SECONDS, MILLISECONDS]), st.integers(0, 10**9 - 1))
def test_reads_what_it_writes(unit: Unit, amount: int) -> None:
    assert unit.parse(unit.format(amount)) == amount
