"""The figure of what each instrument sees."""

import matplotlib as mpl
import pytest

from labhelpers.experiments.instruments import View
from labhelpers.show.tracing_figures import seen_bars

mpl.use("Agg")


def row(name: str, begin: float | None, end: float | None, share: float) -> View:
    return View(name, 6, 4000.0, 1.0, 0.9, 1.1, begin, end, share, share, share, None, None, None)


VIEWS = [
    row("no instrument", None, None, 0.0),
    row("inittrace", 1000.0, 3000.0, 50.0),
    row("trace from main", 3000.0, 3001.0, 0.025),
    row("gctrace", None, None, 0.0),
]


def test_bars_lie_where_the_instrument_sees() -> None:
    (panel,) = seen_bars(VIEWS).axes
    labels = [text.get_text() for text in panel.get_yticklabels()]
    assert labels == ["inittrace", "trace from main", "gctrace"]
    bars = [(patch.get_x(), patch.get_width()) for patch in panel.patches]
    assert (1.0, 2.0) in bars
    assert bars.count((0.0, 4.0)) == 3
    texts = [text.get_text().strip() for text in panel.texts]
    assert texts == ["50 %", "0.025 %", "0 %"]


def test_what_is_too_narrow_to_see_is_marked() -> None:
    (panel,) = seen_bars(VIEWS).axes
    assert [line.get_xdata()[0] for line in panel.lines] == [3.0]  # type: ignore[index]


def test_phases_stand_above_and_follow_each_other() -> None:
    figure = seen_bars(VIEWS, [("spawn", 500.0), ("inits", 2500.0)], explained=0.97)
    (panel,) = figure.axes
    assert panel.get_yticklabels()[0].get_text() == "phases of the start"
    first, second = panel.patches[:2]
    assert first.get_x() + first.get_width() == pytest.approx(second.get_x())
    assert panel.texts[0].get_text().strip() == "97 %"
