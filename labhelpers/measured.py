"""A measured value beside a figure of the article, and the rule that compares the two."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labhelpers.errors import LabError
from labhelpers.said import UNITS, Figure


@dataclass(frozen=True)
class Measured:
    """A value with its interval, to be held against a figure of the article.

    `ci95` are the ends of the 95 % interval, in `unit`. `room` is the factor by which the figure
    may be missed; `points`, where given, is what may be missed on either side instead, in the
    figure's own unit. Bounds and ranges allow nothing, unless `points` does.
    """

    value: float
    unit: str
    ci95: tuple[float, float] | None = None
    room: float = 1.25
    points: float | None = None

    def held(self, figure: Figure) -> bool | None:
        """Return whether the whole interval agrees with the figure; None: it is not resolved.

        Raises:
            LabError: the units are of different kinds.
        """
        low, high = sorted(self._in_unit_of(figure, end) for end in self.ci95 or (self.value,) * 2)
        least, most = figure.band(self.room, self.points)
        if least <= low and high <= most:
            return True
        return False if high < least or low > most else None

    def rule(self, figure: Figure) -> str:
        """Return in words what agrees with the figure."""
        if self.points:
            return f"at most {_short(self.points)} {figure.unit} from {figure.text}".replace(
                "  ", " "
            )
        if figure.kind in ("bound", "range"):
            return figure.text
        return f"within a factor {_short(self.room)} of {figure.text}"

    def __str__(self) -> str:
        """Return the value, its interval and unit: 2.2 [2.1, 2.3] MB."""
        ends = f" [{_short(self.ci95[0])}, {_short(self.ci95[1])}]" if self.ci95 else ""
        return f"{_short(self.value)}{ends} {self.unit}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON takes, and `check_from` reads."""
        return {
            "value": self.value,
            "unit": self.unit,
            "ci95": list(self.ci95) if self.ci95 else None,
            "room": self.room,
            "points": self.points,
        }

    def _in_unit_of(self, figure: Figure, value: float) -> float:
        if figure.kind == "ratio" and self.unit == "%":
            return 1 + value / 100  # a change of a ratio
        own, theirs = (UNITS.get(unit, (unit, 1.0)) for unit in (self.unit, figure.unit))
        if own[0] != theirs[0]:
            raise LabError(f"{self} cannot be held against {figure.text!r}: measure the same unit.")
        return value * own[1] / theirs[1]


class Either(tuple[Measured, ...]):
    """Several values of which one has to agree: for a figure of a program that is not named."""

    __slots__ = ()

    def __new__(cls, *measured: Measured) -> "Either":
        """Take at least one value."""
        if not measured:
            raise LabError("Either needs a measured value: there is none to hold against a figure.")
        return super().__new__(cls, measured)

    def held(self, figure: Figure) -> bool | None:
        """Return True where one agrees, False where none does, else None."""
        found = [one.held(figure) for one in self]
        if True in found:
            return True
        return None if None in found else False

    def rule(self, figure: Figure) -> str:
        """Return in words what agrees with the figure."""
        return f"one of them {self[0].rule(figure)}"

    def __str__(self) -> str:
        """Return the values in a row."""
        return ", ".join(map(str, self))

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON takes, and `check_from` reads."""
        return {"either": [one.as_dict() for one in self]}


Check = bool | None | Measured | Either


def check_as_json(check: Check) -> Any:  # noqa: ANN401 - what JSON takes
    """Return a check as JSON takes it."""
    return check.as_dict() if isinstance(check, Measured | Either) else check


def check_from(found: Any) -> Check:  # noqa: ANN401 - what JSON gives
    """Return the check that `check_as_json` wrote.

    Raises:
        LabError: it is none.
    """
    try:
        if isinstance(found, Mapping):
            if "either" in found:
                return Either(*(_measured(one) for one in found["either"]))
            return _measured(found)
        if found is None or isinstance(found, bool):
            return found
    except (KeyError, TypeError, ValueError):
        pass
    raise LabError(f"{found!r} is no check of a claim: run the lab again to write its evidence.")


def _measured(fields: Mapping[str, Any]) -> Measured:
    ends = fields["ci95"]
    return Measured(
        float(fields["value"]),
        str(fields["unit"]),
        (float(ends[0]), float(ends[1])) if ends else None,
        float(fields["room"]),
        None if fields["points"] is None else float(fields["points"]),
    )


def _short(value: float) -> str:
    """Return three digits of a number, without an exponent from a thousandth to a million."""
    if value == 0 or 1000 <= abs(value) < 1e6:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"
