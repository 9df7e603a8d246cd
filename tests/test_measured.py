"""A measured value held against a figure: held, not held, or not resolved."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labhelpers.errors import LabError
from labhelpers.measured import Either, Measured, check_as_json, check_from
from labhelpers.said import Figure, parse_figure


def figure(text: str) -> Figure:
    found = parse_figure(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("measured", "text", "held"),
    [
        (Measured(12.0, "MB"), "12.4 MB", True),
        (Measured(12_000, "KB"), "12.4 MB", True),
        (Measured(2.2, "MB"), "12.4 MB", False),
        (Measured(2048, "B"), "2 KB", True),
        (Measured(1.2, "ms", (0.9, 1.6)), "1.2 ms", None),
        (Measured(1.2, "ms", (1.1, 1.3)), "1.2 ms", True),
        (Measured(900, "µs", (850, 950)), "1.2 ms", False),
        (Measured(900, "µs", (850, 950), room=2), "1.2 ms", True),
        (Measured(9, "ms", (8, 12)), "< 10 ms", None),
        (Measured(9, "ms", (8, 9.9)), "< 10 ms", True),
        (Measured(3, "GB"), "> 2 GB", True),
        (Measured(35, "%", (31, 39)), "30 % to 60 %", True),
        (Measured(5, "%"), "30 % to 60 %", False),
        (Measured(0.78, "×"), "12.4 → 9.7 MB", True),
        (Measured(-22, "%", points=0.05), "12.4 → 9.7 MB", True),
        (Measured(-40, "%", points=0.05), "12.4 → 9.7 MB", False),
        (Measured(1.0, "×", (0.9, 1.1)), "89 / 42 ns", False),
        (Measured(60, "%", points=5), "63 %", True),
        (Measured(-60, "%"), "63 %", False),
        (Measured(0.04, "ms", points=0.1), "about 0 ms", True),
        (Measured(5, "version", room=1), "version 4", False),
    ],
)
def test_the_interval_decides(measured: Measured, text: str, held: bool | None) -> None:
    assert measured.held(figure(text)) is held
    assert measured.rule(figure(text))


def test_another_kind_of_unit_is_refused() -> None:
    with pytest.raises(LabError, match="cannot be held against"):
        Measured(3, "ms").held(figure("3 MB"))


def test_either_wants_one() -> None:
    said = figure("10 MB")
    near, far, open_ = Measured(10, "MB"), Measured(1, "MB"), Measured(9, "MB", (5, 11))
    assert Either(far, near).held(said) is True
    assert Either(far, open_).held(said) is None
    assert Either(far).held(said) is False
    with pytest.raises(LabError, match=r"Either needs"):
        Either()


def test_a_value_reads_well() -> None:
    assert str(Measured(2.2345, "MB", (2.1, 2.3))) == "2.23 [2.1, 2.3] MB"
    assert str(Measured(100_000, "")) == "100 000"


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
VALUES = st.builds(
    Measured,
    NUMBERS,
    st.sampled_from(["MB", "ms", "%", "×", "threads"]),
    st.none() | st.tuples(NUMBERS, NUMBERS),
    st.floats(1, 10),
    st.none() | st.floats(0, 10),
)


@given(st.none() | st.booleans() | VALUES | st.lists(VALUES, min_size=1).map(lambda v: Either(*v)))
def test_a_check_comes_back_from_json(check: object) -> None:
    written = json.loads(json.dumps(check_as_json(check)))  # type: ignore[arg-type]
    found = check_from(written)
    assert type(found) is type(check)
    assert found == check


@pytest.mark.parametrize("damaged", ["yes", 3, {}, {"either": []}, {"value": "x"}, {"either": 4}])
def test_damaged_evidence_is_said(damaged: object) -> None:
    with pytest.raises(LabError):
        check_from(damaged)
