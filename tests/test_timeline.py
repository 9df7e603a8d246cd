"""Timelines: bars that sum, on the terminal, in figures and pages, from real measurements."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.runtime.init import Init, Step, measure_init
from labhelpers.show.timeline import BAR_CELLS, drawn, init_text, phases_text
from labhelpers.show.timeline_bars import (
    SMALL,
    WHAT,
    Bar,
    by_group,
    duration,
    joined,
    number,
    phase_bars,
    step_bars,
    ticks,
    total,
)
from labhelpers.show.timeline_figures import MOST, init_figure, phase_figure
from labhelpers.show.timeline_html import init_page, phases_page
from labhelpers.startup.phases import Phases, measure_phases
from labhelpers.startup.spawn import Command
from labhelpers.startup.stamps import NEIGHBOURS
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain, toolchain

LENGTHS = st.lists(
    st.tuples(st.floats(0, 1e6), st.sampled_from(["", "a", "b"])), min_size=1, max_size=40
)


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.fixture(scope="module")
def phases() -> list[Phases]:
    commands = [Command("true", ("/bin/true",)), Command("sh", ("/bin/sh", "-c", "echo x"))]
    return measure_phases(commands, rounds=6, seed=1)


@pytest.fixture(scope="module")
def init(current_go: Toolchain) -> Init:
    config = find_config("trim")
    return measure_init(find_program("hello"), current_go, config, rounds=6, seed=1)


@pytest.fixture(scope="module")
def older() -> Init:
    config = find_config("trim")
    go = toolchain("article")
    return measure_init(find_program("hello"), go, config, gomaxprocs=1, rounds=6, seed=1)


def bars_of(lengths: list[tuple[float, str]]) -> list[Bar]:
    bars, start = [], 0.0
    for index, (length, group) in enumerate(lengths):
        bars.append(Bar(f"s{index}", start, length, None, range(index, index + 1), group))
        start += length
    return bars


def test_bars_lie_end_to_end_and_sum(phases: list[Phases], init: Init) -> None:
    for bars, medians in (
        (phase_bars(phases[0]), [phase.median_us for phase in phases[0].phases]),
        (step_bars(init), [step.median_ns / 1e3 for step in init.steps]),
    ):
        assert [bar.length_us for bar in bars] == medians
        assert bars[0].start_us == 0
        for before, after in pairwise(bars):
            assert after.start_us == pytest.approx(before.end_us)
        assert total(bars) == pytest.approx(sum(medians))


@given(LENGTHS, st.floats(0, 0.5))
def test_joining_keeps_the_sum_every_row_and_the_groups(
    lengths: list[tuple[float, str]], least: float
) -> None:
    bars = bars_of(lengths)
    found = joined(bars, least)
    assert total(found) == pytest.approx(total(bars))
    assert [row for bar in found for row in bar.rows] == list(range(len(bars)))
    for bar in found:
        own = [bars[row] for row in bar.rows]
        assert {one.group for one in own} == {bar.group}
        assert bar.start_us == own[0].start_us
        assert len(own) == 1 or all(one.length_us < least * total(bars) for one in own)
    for before, after in pairwise(found):
        both = [bars[before.rows[-1]], bars[after.rows[0]]]
        small = [one.length_us < least * total(bars) for one in both]
        assert not all(small) or both[0].group != both[1].group


@given(LENGTHS, st.integers(1, 80))
def test_a_drawn_bar_stays_on_its_axis(lengths: list[tuple[float, str]], cells: int) -> None:
    bars = bars_of(lengths)
    covered = 0
    for bar in bars:
        text = drawn(bar, total(bars), cells)
        assert 1 <= len(text) <= cells
        assert set(text.strip()) <= {"█"} or text.strip() == "▏"
        covered += text.count("█")
    assert covered <= cells + len(bars)


@pytest.mark.parametrize(
    ("us", "text"),
    [
        *((0.031, "0.03 µs"), (9.99, "9.99 µs"), (9.996, "10.0 µs"), (99.96, "100 µs")),
        *((1240.4, "1,240 µs"), (9_999.0, "9,999 µs"), (35_140.0, "35.1 ms")),
    ],
)
def test_times_have_three_digits_that_count(us: float, text: str) -> None:
    assert duration(us) == text


@given(st.floats(1e-3, 1e7), st.integers(3, 10))
def test_ticks_are_round_and_few(longest: float, most: int) -> None:
    found = ticks(longest, most)
    assert found[0] == 0
    assert found[-1] <= longest * (1 + 1e-9)
    assert 2 <= len(found) <= most + 1
    assert re.fullmatch(r"[125](\.0)?e[+-]\d+", f"{found[1]:.0e}")


def test_what_happens_is_told_of_every_known_phase() -> None:
    assert set(WHAT) == {f"{a} to {b}" for a, b in NEIGHBOURS}


def test_phases_on_the_terminal(phases: list[Phases]) -> None:
    text = phases_text(phases)
    lines = text.splitlines()
    for own in phases:
        assert own.command in lines
        assert f"{own.wall.median_ms:.3f} ms" in text
        for phase in own.phases:
            (line, *_) = [row for row in lines if row.startswith(f"  {phase.name} ")]
            assert re.search("[█▏]", line)
        for note in own.notes:
            assert note.split()[0] in text
    assert max(map(len, lines)) <= 120
    bars = [match.span() for line in lines if (match := re.search("[█▏]+$", line))]
    assert max(end for _, end in bars) - min(start for start, _ in bars) <= BAR_CELLS


def test_commands_share_one_scale(phases: list[Phases]) -> None:
    def cells(text: str) -> list[int]:
        return [line.count("█") for line in text.splitlines() if "█" in line]

    twice = [replace(phases[0], phases=doubled(phases[0])), phases[0]]
    long, short = cells(phases_text(twice)), cells(phases_text([phases[0]]))
    count = len(long) // 2
    assert abs(sum(long[:count]) - BAR_CELLS) <= count
    assert abs(sum(long[count:]) - BAR_CELLS / 2) <= count
    assert abs(sum(short) - BAR_CELLS) <= count


def doubled(own: Phases) -> Table:  # type: ignore[type-arg]
    return Table(replace(phase, median_us=2 * phase.median_us) for phase in own.phases)


def test_faults_that_were_not_watched_are_not_nought(phases: list[Phases]) -> None:
    unseen = replace(
        phases[0], phases=Table(replace(phase, faults=None) for phase in phases[0].phases)
    )
    lines = phases_text([unseen]).splitlines()
    name = unseen.phases[0].name
    assert any(line.startswith(f"  {name}") and "·" in line for line in lines)
    assert "not watched" in phases_page([unseen])


def test_every_step_is_on_the_terminal_with_its_source(init: Init) -> None:
    text = init_text(init)
    lines = text.splitlines()
    whole = total(step_bars(init))
    at = 0
    for step in init.steps:
        at = next(i for i in range(at, len(lines)) if lines[i].startswith(f"  {step.step} "))
        assert lines[at].endswith(step.source)
        large = step.median_ns / 1e3 >= SMALL * whole
        assert (f"  {step.step}: " in text) >= large
    order = [name for name, _ in by_group(step_bars(init))]
    assert [line.split("  ")[0] for line in lines if line.split("  ")[0] in order] == order


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and texts of table rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self.inside.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [own for name, own in self.elements if name == tag]


def check_page(text: str) -> Page:
    """Check what holds for every page: no script, its one style, links that lead somewhere."""
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert not page.all("script")
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert any(f"'sha256-{digest}'" in (own.get("content") or "") for own in page.all("meta"))
    ids = [own["id"] for _, own in page.elements if own.get("id")]
    assert len(set(ids)) == len(ids)
    links = page.all("a")
    assert links
    for link in links:
        assert (link["href"] or "").removeprefix("#") in ids
        assert re.search(r"[0-9] (µs|ms), [0-9.]+ %$", link["aria-label"] or "")
    assert not [own for _, own in page.elements if own.get("src") or own.get("style")]
    return page


def test_the_page_of_phases(phases: list[Phases]) -> None:
    page = check_page(phases_page(phases))
    assert len(page.all("svg")) == len(phases)
    assert len(page.all("a")) == sum(len(own.phases) for own in phases)
    told = {tuple(row[:2]) for row in page.rows}
    for own in phases:
        for phase in own.phases:
            assert (phase.name, number(phase.median_us)) in told


def test_the_page_of_steps_draws_the_large_and_lists_all(init: Init) -> None:
    page = check_page(init_page(init))
    rows = [row for row in page.rows if len(row) == 6 and row[5].startswith("runtime/")]
    assert [(row[0], row[5]) for row in rows] == [(step.step, step.source) for step in init.steps]
    assert all(row[4] for row in rows)
    bars = joined(step_bars(init))
    assert len(bars) < len(init.steps)
    labels = [own["aria-label"] or "" for own in page.all("a")]
    assert len(labels) == len(bars)
    assert all(bar.label in label for bar, label in zip(bars, labels, strict=True))


def test_names_cannot_write_html_or_steer_a_terminal(phases: list[Phases], init: Init) -> None:
    name = '</title><script>alert(1)</script>"\x1b[31m'
    cruel = replace(phases[0], command=name, notes=[name])
    step = Step("schedinit", name, 1e9, (1e9, 1e9), name, name)
    steps = replace(init, program=name, steps=Table([*init.steps, step]), notes=[name])
    for page, text in (
        (phases_page([cruel]), phases_text([cruel])),
        (init_page(steps), init_text(steps)),
    ):
        check_page(page)
        assert "&lt;script&gt;" in page
        assert "\x1b" not in page + text


def test_a_figure_of_phases_names_every_piece(phases: list[Phases]) -> None:
    figure = phase_figure(phases)
    (panel,) = figure.axes
    names = list(dict.fromkeys(phase.name for own in phases for phase in own.phases))
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(entry.split("  ", 1)[1] for entry in entries) == sorted(names)
    assert len(panel.patches) == sum(len(own.phases) for own in phases)
    told = {word for text in panel.texts for word in re.findall(r"\d+", text.get_text())}
    assert {entry.split()[0] for entry in entries} <= told
    looks = {
        (patch.get_facecolor(), patch.get_hatch()) for patch in figure.legends[0].get_patches()
    }
    assert len(looks) == len(names)
    assert [label.get_text() for label in panel.get_yticklabels()] == ["true", "sh"]


def test_a_figure_of_one_start_has_a_row_a_step_and_groups_small_ones(init: Init) -> None:
    (panel,) = init_figure([init]).axes
    bars = joined(step_bars(init))
    assert len(panel.patches) == len(bars)
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert [bar.label for bar in bars] == [x for x in labels if x in {bar.label for bar in bars}]
    assert any("under 1 %" in label for label in labels)
    assert len(panel.texts) == len(bars)


def test_a_figure_of_some_starts_has_the_largest_steps_and_keeps_the_sums(
    init: Init, older: Init
) -> None:
    figure = init_figure([init, older])
    (panel,) = figure.axes
    names = [text.get_text().split("  ", 1)[1] for text in figure.legends[0].get_texts()]
    assert sum("the smaller" not in name for name in names) <= MOST
    assert {"cpuinit", "mallocinit"} & set(names)
    for y, own in enumerate((init, older)):
        pieces = [p for p in panel.patches if abs(p.get_y() + p.get_height() / 2 - y) < 0.1]  # type: ignore[attr-defined]
        ends = max(p.get_x() + p.get_width() for p in pieces)  # type: ignore[attr-defined]
        assert ends == pytest.approx(total(step_bars(own)))
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels[1] == f"Go {older.go}, 1 P"
