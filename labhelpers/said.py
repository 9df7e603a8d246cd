"""A figure as the article gives it: its text, read as a value, a bound, a range or a ratio."""

import math
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["value", "bound", "range", "ratio"]

# Each unit's dimension, and how many of the dimension's own unit it is.
UNITS: dict[str, tuple[str, float]] = {
    "B": ("bytes", 1),
    "KB": ("bytes", 1e3),
    "KiB": ("bytes", 2**10),
    "MB": ("bytes", 1e6),
    "MiB": ("bytes", 2**20),
    "GB": ("bytes", 1e9),
    "GiB": ("bytes", 2**30),
    "ns": ("seconds", 1e-9),
    "µs": ("seconds", 1e-6),
    "ms": ("seconds", 1e-3),
    "s": ("seconds", 1),
    "min": ("seconds", 60),
    "h": ("seconds", 3600),
    "%": ("%", 1),
    "×": ("×", 1),
}
_NUMBER = r"([-−]?\d+(?:[ \u202f]\d{3})*(?:\.\d+)?)"
_UNIT = r" ?([^\d\s<>≤≥→/,]*(?: [a-z]+)*)"
_RANGE = re.compile(rf"{_NUMBER}{_UNIT} to {_NUMBER}{_UNIT}")
_RATIO = re.compile(rf"{_NUMBER}{_UNIT} ?([→/]) ?{_NUMBER}{_UNIT}")
_ONE = re.compile(rf"(about |[<>≤≥] ?)?{_NUMBER}{_UNIT}")
_NAMED = re.compile(rf"([a-z]+) {_NUMBER}()")


@dataclass(frozen=True)
class Figure:
    """What a text says: between `low` and `high` (equal for a value), in `unit`.

    A ratio ("12.4 → 9.7 MB", "3.8 / 1.2 ms") is the number without a unit that the two make.
    """

    text: str
    kind: Kind
    low: float
    high: float
    unit: str

    def band(self, room: float, points: float | None) -> tuple[float, float]:
        """Return the ends between which a measurement agrees with this, in `unit`.

        Args:
            room: a factor by which a value may be missed.
            points: where given, what is allowed on either side instead, in `unit`.
        """
        if points is not None:
            return self.low - points, self.high + points
        if self.kind in ("bound", "range"):
            return self.low, self.high
        first, second = self.low / room, self.low * room
        return min(first, second), max(first, second)


def parse_figure(text: str) -> Figure | None:
    """Return the figure in a text, None where it holds words and no figure.

    Read are "12.4 MB", "about 2 KB", "version 4", "< 10 ms", "30 % to 60 %", "12.4 → 9.7 MB" (the
    second over the first) and "3.8 / 1.2 ms" (the first over the second).
    """
    if found := _RANGE.fullmatch(text):
        low, first, high, unit = found.groups()
        return Figure(text, "range", _value(low) * _times(first, unit), _value(high), unit)
    if found := _RATIO.fullmatch(text):
        one, first_unit, sign, two, unit = found.groups()
        first, second = _value(one) * _times(first_unit, unit), _value(two)
        over, under = (second, first) if sign == "→" else (first, second)
        return Figure(text, "ratio", over / under, over / under, "×") if under else None
    if found := _ONE.fullmatch(text):
        sign, number, unit = found.groups()
        value = _value(number)
        match (sign or "").strip():
            case "<" | "≤":
                return Figure(text, "bound", -math.inf, value, unit)
            case ">" | "≥":
                return Figure(text, "bound", value, math.inf, unit)
        return Figure(text, "value", value, value, unit)
    if found := _NAMED.fullmatch(text):
        unit, number, _ = found.groups()
        return Figure(text, "value", _value(number), _value(number), unit)
    return None


def scaled(figure: Figure, factor: float) -> str:
    """Return the text with its number times a factor: another figure, to see who would notice.

    A range's two numbers are scaled, and a ratio's second.
    """
    numbers = list(re.finditer(_NUMBER, figure.text))
    if figure.kind == "ratio":
        numbers = numbers[1:]
    text = figure.text
    for number in reversed(numbers):
        value = f"{_value(number.group()) * factor:.10g}"
        text = text[: number.start()] + value + text[number.end() :]
    return text


def _value(number: str) -> float:
    return float(re.sub(r"[ \u202f]", "", number).replace("−", "-"))


def _times(unit: str, other: str) -> float:
    """Return how many of another unit one is: 60 for h and min; 1 where they are not told apart."""
    one, two = UNITS.get(unit or other), UNITS.get(other)
    return one[1] / two[1] if one and two and one[0] == two[0] else 1.0
