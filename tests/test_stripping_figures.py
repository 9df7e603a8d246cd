from dataclasses import asdict

import matplotlib

from labhelpers.experiments.stripped import GROUPS, Size
from labhelpers.experiments.stripstarts import Start
from labhelpers.show import stripping_figures as figures

matplotlib.use("agg")


def bars_of(panel: object) -> list[tuple[float, float]]:
    return [(bar.get_x(), bar.get_width()) for bar in panel.patches]  # type: ignore[attr-defined]


def test_the_bars_are_the_sizes() -> None:
    sizes = [
        Size("p", "1.22.10", "default", 21_000_000, 0.0, *(n * 1_000_000 for n in range(1, 7))),
        Size("p", "1.27.3", "default", 6_000_000, 0.0, *[1_000_000] * 6),
    ]
    figure = figures.size_bars(sizes)
    left, right = figure.axes
    assert sum(width for _, width in bars_of(left)) == 21
    assert bars_of(right)[-1] == (5.0, 1.0)
    assert len(bars_of(left)) == len(GROUPS) == len(figures.LOOKS)
    assert left.get_title() == "p, Go 1.22.10"


def test_a_tick_is_what_works() -> None:
    rows = [
        {"go": "1", "way": "-s", "probe": "nm", "works": False},
        {"go": "1", "way": "-s", "probe": "runs", "works": True},
    ]
    panel = figures.survival(rows).axes[0]
    assert {text.get_position(): text.get_text() for text in panel.texts} == {
        (0, 0): "✗",
        (1, 0): "✓",
    }


def test_pages_are_drawn_where_they_lie() -> None:
    def row(group: str, start: int, pages: int, **fate: bool) -> dict[str, object]:
        return {"go": "1", "way": "w", "group": group, "start": start, "pages": pages, **fate}

    figure = figures.page_strips(
        [row("code", 0, 3, read=True, mapped=True), row("DWARF", 3, 2, read=True, mapped=False)]
    )
    panel = figure.axes[0]
    assert bars_of(panel) == [(0, 3)] * 3 + [(3, 2)] * 3
    dark = [bar.get_facecolor()[:3] == (0, 0, 0) for bar in panel.patches]
    assert dark == [False, True, True, False, False, True]


def test_a_start_that_is_not_resolved_is_hollow() -> None:
    base = Start("p", "1", "warm", "default", 1, 1.0, 1, 1, 1, 0.0, "baseline", None, None)
    rows = [asdict(base)]
    for cache, verdict in (("warm", "not resolved"), ("cold", "faster")):
        changed = {"cache": cache, "ratio": 0.9, "low": 0.85, "high": 0.95, "verdict": verdict}
        rows.append(asdict(base) | changed | {"way": "-s -w", "floor": 0.02})
    warm, cold = figures.start_changes(rows).axes
    fills = {
        line.get_markerfacecolor()
        for panel in (warm, cold)
        for line in panel.lines
        if line.get_marker() not in ("None", None, "")
    }
    assert "white" in fills
    assert len(fills) == 2
