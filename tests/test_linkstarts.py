"""Starts by link mode: real ones, whole and by phase, and their figures."""

import pytest

from labhelpers.experiments.linkmodes import MODES, growth, impossible
from labhelpers.experiments.linkstarts import ModePhase, mode_phases, mode_starts
from labhelpers.show.external_figures import growth_bars, phase_bars
from labhelpers.toolchain import Toolchain


@pytest.fixture(scope="module")
def chain(current_go: Toolchain) -> Toolchain:
    if impossible(current_go):
        pytest.skip("no C compiler")
    return current_go


def test_starts_are_compared_with_the_internal_file(chain: Toolchain) -> None:
    rows = mode_starts(chain, ["hello"], rounds=6)
    assert [row.mode for row in rows] == list(MODES)
    first, *others = rows
    assert (first.ratio, first.verdict) == (1.0, "baseline")
    for row in others:
        assert row.ratio_low <= row.ratio <= row.ratio_high
        assert row.verdict in ("faster", "slower", "not resolved")
        assert row.faults > first.faults  # libc's own pages


def test_phases_of_every_mode(chain: Toolchain) -> None:
    rows = mode_phases(chain, ["hello"], rounds=6)
    assert list(dict.fromkeys(row.mode for row in rows)) == list(MODES)
    for mode in MODES:
        own = [row for row in rows if row.mode == mode]
        assert own[0].phase.startswith("spawn to ")
        assert all(row.low_us <= row.median_us <= row.high_us for row in own)
    loading = {row.mode: row for row in rows if row.phase == "exec to Go entry"}
    if rows[0].method == "breakpoints":
        assert (loading["external"].faults or 0) > (loading["internal"].faults or 0)
    panel = phase_bars(rows.to_dicts()).axes[0]
    assert [tick.get_text() for tick in panel.get_yticklabels()] == [f"hello, {m}" for m in MODES]


def test_bars_are_as_long_as_their_phases() -> None:
    rows = [
        ModePhase("1", "hello", mode, phase, length, length, length, None, "breakpoints")
        for mode, lengths in {"internal": (100, 200), "external": (150, 250)}.items()
        for phase, length in zip(("spawn to exec", "exec to exit"), lengths, strict=True)
    ]
    bars = phase_bars([vars(row) for row in rows]).axes[0].patches
    found = [(round(bar.get_x(), 6), round(bar.get_width(), 6)) for bar in bars]  # type: ignore[attr-defined]
    assert found == [(0, 0.1), (0.1, 0.2), (0, 0.15), (0.15, 0.25)]


def test_growth_is_drawn_by_purpose(chain: Toolchain) -> None:
    rows = growth(chain).to_dicts()
    panel = growth_bars(rows).axes[0]
    assert [tick.get_text() for tick in panel.get_yticklabels()] == [row["what"] for row in rows]
    widths = [bar.get_width() for bar in panel.patches]  # type: ignore[attr-defined]
    assert widths == [row["more"] / 1e3 for row in rows]
