"""The article's figures, read from their text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labhelpers.claims import load_claims
from labhelpers.said import Figure, parse_figure, scaled


@pytest.mark.parametrize(
    ("text", "kind", "low", "high", "unit"),
    [
        ("12.4 MB", "value", 12.4, 12.4, "MB"),
        ("about 1.2 ms", "value", 1.2, 1.2, "ms"),
        ("version 4", "value", 4, 4, "version"),
        ("63 %", "value", 63, 63, "%"),
        ("142", "value", 142, 142, ""),
        ("100 000 threads", "value", 100_000, 100_000, "threads"),
        ("3 million requests", "value", 3, 3, "million requests"),
        ("about 0", "value", 0, 0, ""),
        ("−5 %", "value", -5, -5, "%"),
        ("< 10 ms", "bound", -math.inf, 10, "ms"),
        ("> 2 GB", "bound", 2, math.inf, "GB"),
        ("≥ 3", "bound", 3, math.inf, ""),
        ("30 % to 60 %", "range", 30, 60, "%"),
        ("0.2 to 0.9 ms", "range", 0.2, 0.9, "ms"),
        ("10 → 5 MB", "ratio", 0.5, 0.5, "×"),
        ("3 / 1.5 ms", "ratio", 2, 2, "×"),
        ("4.8 h → 11 min", "ratio", 11 / 288, 11 / 288, "×"),
    ],
)
def test_a_figure_is_read(text: str, kind: str, low: float, high: float, unit: str) -> None:
    found = parse_figure(text)
    assert found is not None
    assert (found.kind, found.unit) == (kind, unit)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    "text",
    ["", "cell lost", "yes, paths stay", "-gcflags=-trimpath=", "1.2.3", "3 ms → fast", "5 / 0 ms"],
)
def test_words_are_no_figure(text: str) -> None:
    assert parse_figure(text) is None


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("12.4 MB", "124 MB"),
        ("about 1.2 ms", "about 12 ms"),
        ("30 % to 60 %", "300 % to 600 %"),
        ("12.4 → 9.7 MB", "12.4 → 97 MB"),
        ("100 000", "1000000"),
        ("< 10 ms", "< 100 ms"),
    ],
)
def test_a_figure_is_scaled(text: str, other: str) -> None:
    figure = parse_figure(text)
    assert figure is not None
    assert scaled(figure, 10) == other


@given(st.text(max_size=40))
def test_any_text_is_a_figure_or_none(text: str) -> None:
    found = parse_figure(text)
    assert found is None or isinstance(found, Figure)


def test_every_figure_of_the_article_with_a_number_is_read_or_a_switch() -> None:
    """No number may fall through the parser unnoticed: its claim would be judged without it."""
    for claim in load_claims():
        if any(letter.isdigit() for letter in claim.article_figure):
            assert parse_figure(claim.article_figure), (claim.id, claim.article_figure)
