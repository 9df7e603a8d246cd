"""Steps by release, live and recorded, and the figures of the lab on the runtime's start."""

from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from labhelpers.experiments import initreleases
from labhelpers.experiments.initchain import chain
from labhelpers.experiments.initcounts import Reason
from labhelpers.experiments.initreleases import (
    RELEASES,
    WHOLE,
    added_us,
    all_releases,
    changed_steps,
    here,
    release_steps,
)
from labhelpers.programs import find_program
from labhelpers.show import init_figures
from labhelpers.toolchain import ARTICLE, Toolchain, current, toolchain


@pytest.fixture(scope="module")
def mixed() -> list[dict[str, Any]]:
    """Return the rows of a machine that has the current release only."""
    own = [toolchain("current")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initreleases, "here", lambda: own)
        patch.setattr(initreleases, "ROUNDS", 6)
        shown = all_releases(find_program("empty"))
    assert not shown.live
    assert f"Timed on this machine: Go {current()}." in shown.note
    assert ARTICLE in shown.note
    return shown.rows


def test_the_last_release_is_golab_s_own() -> None:
    assert RELEASES[-1] == current()
    assert ARTICLE in RELEASES


def test_only_what_is_there_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initreleases, "fetched", lambda release: None)
    assert [own.release for own in here()] == [current()]


def test_live_rows_take_the_place_of_recorded_ones(mixed: list[dict[str, Any]]) -> None:
    assert list(dict.fromkeys(row["go"] for row in mixed)) == list(RELEASES)
    assert {row["go"] for row in mixed if row["live"]} == {current()}
    keys = [(row["go"], row["function"], row["step"]) for row in mixed]
    assert len(keys) == len(set(keys))


def test_steps_of_a_release(current_go: Toolchain) -> None:
    rows = release_steps(find_program("empty"), [current_go], rounds=6)
    assert rows[0].step == WHOLE
    assert [(r.function, r.step) for r in rows[1:]] == [
        (link.function, link.step) for link in chain(current_go)
    ]
    timed = [row.us for row in rows[1:] if row.us is not None]
    assert 20 < len(timed) < len(rows)  # steps of cgo are there, without a time
    # Medians of parts do not sum to the median of the whole, but never to a multiple of it.
    assert sum(timed) < 3 * (rows[0].us or 0)


def test_changes_follow_from_the_rows(mixed: list[dict[str, Any]]) -> None:
    found = {(row.go, row.change, row.step) for row in changed_steps(mixed)}
    assert ("1.25.5", "added", "defaultGOMAXPROCSInit") in found
    assert ("1.26.6", "moved", "randinit") in found
    sums = added_us(mixed)
    assert list(sums) == list(RELEASES[1:])
    assert all(us >= 0 for us in sums.values())


def test_the_figures_show_every_release(mixed: list[dict[str, Any]]) -> None:
    figure = init_figures.releases(mixed)
    (panel,) = figure.axes
    labels = [label.get_text() for label in panel.get_xticklabels()]
    assert [label.split("\n")[0] for label in labels] == list(RELEASES)
    assert [label.endswith("here") for label in labels] == [False] * 6 + [True]
    assert any("cpuinit" in label.get_text() for label in panel.get_yticklabels())


def test_the_chains_name_every_step(current_go: Toolchain) -> None:
    links = chain(current_go)
    (panel,) = init_figures.chains([links]).axes
    words = {text.get_text() for text in panel.texts}
    for number, link in enumerate(links, 1):
        assert f"{number}  {link.step}" in words
    assert any("no such" in word for word in words)


def bars(panel: Axes) -> list[Rectangle]:
    return [patch for patch in panel.patches if isinstance(patch, Rectangle)]


def test_bars_end_at_the_step_s_time() -> None:
    rows = [
        Reason("1.0", "schedinit", "a", 100.0, 10.0, 2.0, 30.0, 20.0),
        Reason("1.0", "schedinit", "short", 2.0, 0.0, 0.0, 0.0, 0.0),
        Reason("2.0", "schedinit", "a", 50.0, 1.0, 0.0, 60.0, 0.0),
    ]
    left, right = init_figures.made_of(rows).axes
    assert max(bar.get_x() + bar.get_width() for bar in bars(left)) == 100.0
    assert [label.get_text() for label in left.get_yticklabels()] == ["a  (schedinit)"]
    assert max(bar.get_x() + bar.get_width() for bar in bars(right)) == 60.0
