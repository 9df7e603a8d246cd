"""The answer of `golab advise` as text, page and figure, from real answers."""

import re
import shlex
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from matplotlib.colors import to_hex

from labhelpers.advice.advise import Question, advise
from labhelpers.advice.answer import Advice, StepAnswer
from labhelpers.advice.document import advice_document, load_advice
from labhelpers.advice.lessons import FAILED
from labhelpers.errors import LabError
from labhelpers.programs import find_program
from labhelpers.show.advice_figures import LOOKS, advice_figure, corpus_figure
from labhelpers.show.advice_html import LABELS, PLOT, advice_page, answer_fragment, report_link
from labhelpers.show.advice_text import (
    WIDTH,
    advice_text,
    broken,
    comparison,
    costs,
    finding,
    headline,
    sentences,
    where,
)
from labhelpers.show.cgo_text import differences
from labhelpers.show.tables import interval, short
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

EVIL = '</title><script>alert(1)</script>"\x1b[31m'


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.fixture(scope="module")
def netuser(current_go: Toolchain) -> Advice:
    return advise(Question(find_program("netuser"), current_go, rounds=12, seed=1))


@pytest.fixture(scope="module")
def hello(current_go: Toolchain) -> Advice:
    question = Question(find_program("hello"), current_go, rounds=12, seed=1, caches=("warm",))
    return advise(question)


@pytest.fixture(params=["netuser", "hello"])
def advice(request: pytest.FixtureRequest) -> Advice:
    found: Advice = request.getfixturevalue(request.param)
    return found


def changed(advice: Advice, **step: object) -> Advice:
    """Return the answer with a step of it changed."""
    steps = [*advice.steps]
    return replace(advice, steps=Table([replace(steps[0], **step), *steps[1:]]))  # type: ignore[arg-type]


def test_the_terminal_has_the_answer_first_and_every_number(advice: Advice) -> None:
    text = advice_text(advice)
    lines = text.splitlines()
    flat = " ".join(text.split())
    assert max(map(len, lines)) <= WIDTH
    assert flat.index(advice.recommended.sentence[:60]) < flat.index("STEPS against")
    at = lines.index(next(line for line in lines if line.startswith("STEPS")))
    for step in advice.steps:
        at = next(i for i in range(at, len(lines)) if lines[i].startswith(f"{step.step} "))
        assert step.answer in lines[at]
        for cache in advice.estimates:
            if found := comparison(step, cache):
                assert short(found) in lines[at]
                assert interval(found.ci95) in lines[at] + lines[at + 1]
    for section in ("WHAT EACH STEP DOES", "WHAT IT COSTS", "HOW IT WAS MEASURED"):
        assert section in lines


def test_what_does_not_build_is_told_with_its_reason(netuser: Advice) -> None:
    failed = [step for step in netuser.steps if step.answer in FAILED]
    assert failed, "a program with cgo has steps that exclude each other"
    below = " ".join(advice_text(netuser).partition("WHAT DOES NOT WORK")[2].split())
    page = advice_page(netuser)
    for step in failed:
        assert f"{step.step}: {step.sentence}" in below
        assert f"<h3>{step.step}</h3>" in page


def test_why_cgo_is_in_there(netuser: Advice) -> None:
    assert netuser.cgo is not None
    page = Page(advice_page(netuser))
    rows = {row[0]: row for row in page.rows if row}
    for cause in netuser.cgo.causes:
        assert cause.package in advice_text(netuser).partition("WHY CGO")[2]
        assert rows[cause.package][2] == " → ".join(cause.chain)
    for names, text in differences(netuser.cgo):
        assert f"<li><b>{names}</b>: {escape(text)}</li>" in advice_page(netuser)


def test_the_views_need_nothing_but_the_document(advice: Advice) -> None:
    again = load_advice(advice_document(advice))
    assert advice_text(again) == advice_text(advice)
    assert advice_page(again) == advice_page(advice)


def test_every_step_has_its_sentence_once(advice: Advice) -> None:
    told = [name for names, _ in sentences(advice) for name in names.split(", ")]
    assert sorted(told) == sorted(s.step for s in advice.steps if s.answer not in FAILED)
    for step in advice.steps:
        assert re.search(rf"(^|[ ,:;]){re.escape(step.step)}[ ,]", finding(advice))


def test_a_cost_is_told_of_the_simplest_steps_that_have_it(netuser: Advice) -> None:
    told = dict(costs(netuser))
    for step in netuser.steps:
        for cost in step.costs if step.answer not in FAILED else ():
            parts = set(step.step.split("+"))
            assert any(set(one.split("+")) <= parts for one in told[cost])
    for steps in told.values():
        assert not any(set(a.split("+")) < set(b.split("+")) for a in steps for b in steps)


WORDS = st.lists(st.text(st.characters(codec="ascii", min_codepoint=32), min_size=1, max_size=30))


@given(WORDS.filter(bool), st.integers(20, 120))
def test_a_command_on_several_lines_is_the_same_command(words: list[str], width: int) -> None:
    command = shlex.join(words)
    text = broken(command, width)
    assert shlex.split(text.replace("\\\n", "")) == words
    for line in text.splitlines():
        assert len(line) <= width or len(shlex.split(line.removesuffix(" \\"))) == 1


def test_a_long_command_ends_its_first_line_after_the_ands() -> None:
    text = broken("cd somewhere && " + "CGO_ENABLED=0 go build " + "-x " * 40)
    assert text.splitlines()[0] == "cd somewhere && \\"


def test_it_says_where_to_type_the_command(hello: Advice) -> None:
    fetched = replace(hello, package="example.com/hello@v1.2.3")
    command = "CGO_ENABLED=0 go install example.com/hello@v1.2.3"
    installed = replace(fetched, recommended=replace(hello.recommended, command=command))
    assert where(hello) == "In the folder of hello"
    assert where(installed) == "In any folder"
    assert where(fetched) == "In a clone of the repository of example.com/hello@v1.2.3"
    for own in (hello, installed, fetched):
        assert f"{where(own)}:" in advice_page(own)
        assert f"{where(own)}:\n" in advice_text(own)


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, texts of table cells."""

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
    """Check what holds for every page: its own script and style only, headings, tables."""
    page = Page(text)
    (policy,) = [m["content"] or "" for m in page.all("meta") if "http-equiv" in m]
    for tag in ("style", "script"):
        (own,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = b64encode(sha256(own.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    for _, attributes in page.elements:
        assert not {"src", "style", "onclick", "href"} & attributes.keys()
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(own.get("scope") in ("col", "row") for own in page.all("th"))
    ids = [own["id"] for _, own in page.elements if own.get("id")]
    assert len(set(ids)) == len(ids)
    assert len(text) < 80_000
    return page


def test_the_page_has_the_answer_the_command_and_every_number(advice: Advice) -> None:
    text = advice_page(advice)
    page = check_page(text)
    code = re.search(r'<code id="command">(.*?)</code>', text)
    assert code
    assert code[1].replace("&#39;", "'").replace("&amp;", "&") == advice.recommended.command
    assert text.index(headline(advice)) < text.index("<figure>")
    rows = {row[0]: row for row in page.rows if row}
    for step in advice.steps:
        assert step.answer in rows[step.step][1]
        told = [comparison(step, cache) for cache in advice.estimates]
        for found in filter(None, told):
            assert {short(found), interval(found.ci95)} <= set(rows[step.step])


def test_the_figure_of_the_page_says_what_it_shows(advice: Advice) -> None:
    page = Page(advice_page(advice))
    (drawing,) = [own for own in page.all("svg") if own.get("role") == "img"]
    assert (drawing["aria-label"] or "").startswith(finding(advice))
    compared = [c for s in advice.steps for c in (s.warm, s.cold) if c]
    lines = [own for own in page.all("line") if "interval" in (own.get("class") or "")]
    assert len(lines) == len(compared)
    for own in lines:
        assert LABELS <= float(own["x1"] or 0) <= float(own["x2"] or 0) <= LABELS + PLOT
    looks = [own.get("class") or "" for tag in ("circle", "rect") for own in page.all(tag)]
    hollow = sum("unresolved" in look for look in looks)
    assert hollow == sum(c.verdict == "not resolved" for c in compared)


def test_names_cannot_write_html_or_steer_a_terminal(netuser: Advice) -> None:
    cruel = changed(netuser, sentence=EVIL, costs=(EVIL,), answer="helps")
    cruel = replace(cruel, program=EVIL, package=EVIL)
    cruel = replace(cruel, recommended=replace(cruel.recommended, sentence=EVIL, command=EVIL))
    check_page(advice_page(cruel))
    for text in (advice_page(cruel), answer_fragment(cruel), advice_text(cruel)):
        assert "\x1b" not in text
    for text in (advice_page(cruel), answer_fragment(cruel)):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_the_link_holds_the_whole_page(hello: Advice) -> None:
    for program, name in (("hello", "hello"), ("a b/../c", "a-b-..-c")):
        own = replace(hello, program=program)
        (link,) = Page(report_link(own)).all("a")
        assert link["download"] == f"advice-{name}.html"
        kind, _, page = (link["href"] or "").partition(",")
        assert kind == "data:text/html;base64"
        assert b64decode(page).decode() == advice_page(own)


def test_the_figure_has_a_mark_a_comparison_hollow_where_not_resolved(advice: Advice) -> None:
    figure = advice_figure(advice)
    left, right = figure.axes
    by_place = {
        (round(float(line.get_xdata()[0]), 6), line.get_marker()): line  # type: ignore[index]
        for line in left.lines
        if len(line.get_xdata()) == 1  # type: ignore[arg-type]
    }
    for step in advice.steps:
        for cache, (colour, marker) in LOOKS.items():
            found = comparison(step, cache)
            if found and found.ratio < 2:
                line = by_place[round((found.ratio - 1) * 100, 6), marker]
                hollow = found.verdict == "not resolved"
                assert to_hex(line.get_markerfacecolor()).upper() == (
                    "#FFFFFF" if hollow else colour
                )
    crosses = [line for line in left.lines if line.get_marker() == "x"]
    assert len(crosses) == sum(step.answer in FAILED for step in advice.steps)
    assert len(right.patches) == sum(step.bytes is not None for step in advice.steps)
    labels = [label.get_text().removeprefix("▶ ") for label in left.get_yticklabels()]
    assert labels == [step.step for step in advice.steps]


def test_the_figure_of_many_has_a_panel_a_step_and_a_row_a_program(
    netuser: Advice, hello: Advice
) -> None:
    figure = corpus_figure([netuser, hello])
    shown = [panel for panel in figure.axes if panel.get_visible()]
    steps: list[StepAnswer] = [*netuser.steps, *hello.steps]
    assert {panel.get_title() for panel in shown} == {step.step for step in steps}
    assert len(shown) == len({step.step for step in steps})
    assert [text.get_text() for text in shown[0].get_yticklabels()] == ["netuser", "hello"]
    for panel in shown:
        own = [step for step in steps if step.step == panel.get_title()]
        points = [line for line in panel.lines if line.get_marker() in ("o", "s", "x")]
        expected = sum(len([c for c in (s.warm, s.cold) if c]) or 1 for s in own)
        assert len(points) == expected


def test_the_figure_of_many_draws_the_steps_that_are_wanted(netuser: Advice) -> None:
    shown = [p for p in corpus_figure([netuser], ["pie", "strip"]).axes if p.get_visible()]
    assert [panel.get_title() for panel in shown] == ["strip", "pie"]
    with pytest.raises(LabError, match="no answer to draw"):
        corpus_figure([])
