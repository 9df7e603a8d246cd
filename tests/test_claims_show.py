"""What readers see of claims and verdicts: boxes, the ledger, text and figure."""

import json
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any, get_args

import pytest

from labhelpers.claims import Claim, Verdicts, Word, load_claims
from labhelpers.instead import Way, instead, ways
from labhelpers.planted import plant, plant_and_look
from labhelpers.programs import labs_folder
from labhelpers.show.claims_box import COLOURS, Box, cell_link, claims_box, claims_covered
from labhelpers.show.claims_figures import (
    FILLS,
    SECTIONS,
    by_section,
    verdicts_figure,
    verdicts_sentences,
)
from labhelpers.show.claims_text import SIGNS, claims_text, counted, provenance
from labhelpers.show.ledger_view import FEW, hints_view, ledger_view, planted_view
from labhelpers.verdicts import Row, ledger

VOID = {"br"}
PLAIN = {
    *("div", "p", "b", "a", "br", "code", "span", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}
HOSTILE = '<script>alert(1)</script> & "quotes"'


class Page(HTMLParser):
    """A fragment of HTML, taken apart; tags that do not match are an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.stack: list[str] = []
        self.feed(html)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    @property
    def text(self) -> str:
        return "".join(self.words)


def page(box: Box) -> Page:
    return Page(box._repr_html_())


def assert_it_reads_without_style(found: Page) -> None:
    """Tables have captions and header cells; there is nothing but plain elements."""
    names = {tag for tag, _ in found.tags}
    assert names <= PLAIN
    assert len(found.all("caption")) == len(found.all("table")) == len(found.all("thead"))
    assert {own.get("scope") for own in found.all("th")} <= {"col", "row"}
    rows = [own for own in found.all("th") if own["scope"] == "row"]
    assert len(rows) == len(found.all("tr")) - len(found.all("table"))


def cells_of(lab: str) -> dict[str, Any]:
    book = json.loads((labs_folder() / f"{lab}.ipynb").read_text())
    return {cell["id"]: cell for cell in book["cells"]}


@dataclass(frozen=True)
class Lab:
    name: str
    claims: int


LABS = [
    Lab(path.stem, sum(claim.lab == path.stem for claim in load_claims()))
    for path in sorted(labs_folder().glob("*.ipynb"))
]


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_the_box_at_a_lab_s_start_lists_its_claims_and_links_them(lab: Lab) -> None:
    box = claims_covered(lab.name)
    assert box == claims_covered(lab.name)
    found = page(box)
    assert_it_reads_without_style(found)
    own = [claim for claim in load_claims() if claim.lab == lab.name]
    assert sum(th.get("scope") == "row" for th in found.all("th")) == lab.claims
    links = [str(a["href"]).removeprefix("#cell-id=") for a in found.all("a")]
    assert links == [claim.cell for claim in own if claim.cell]
    assert set(links) <= cells_of(lab.name).keys()
    assert repr(box) in found.text
    assert (f"{lab.claims} claim" in repr(box)) == bool(lab.claims)
    assert ("no claim" in repr(box)) == (not lab.claims)


def some_verdicts() -> Verdicts:
    """A lab's verdicts, one of each kind at least, with texts that could break a page."""
    lab = next(lab.name for lab in LABS if lab.claims > 5)
    verdicts = Verdicts(lab)
    kinds: list[dict[str, Any]] = [
        {HOSTILE: True, "b": True},
        {"a": True, HOSTILE: False},
        {"a": False},
        {"a": None},
    ]
    for number, name in enumerate(verdicts.claims):
        verdicts.add(name, kinds[number % len(kinds)], HOSTILE)
    return verdicts


def test_the_box_at_a_lab_s_end_has_every_verdict_with_its_evidence() -> None:
    verdicts = some_verdicts()
    box = claims_box(verdicts)
    found = page(box)
    assert_it_reads_without_style(found)
    judged = verdicts.table()
    assert repr(box) == f"This run judged {len(judged)} claims: {counted(judged)}."
    for word in ("reproduced", "partly", "refuted", "not testable here"):
        assert found.text.count(f"{SIGNS[word]} {word}") == sum(j.verdict == word for j in judged)
    assert found.text.count(HOSTILE) >= len(judged)
    links = [a["href"] for a in found.all("a")]
    cells = [claim.cell for claim in verdicts.claims.values() if claim.cell]
    assert links == [*(f"#cell-id={cell}" for cell in cells), "14-the-verdicts.ipynb"]


def test_a_kept_run_says_where_it_is() -> None:
    verdicts = some_verdicts()
    assert "ledger" not in page(claims_box(verdicts)).text
    verdicts.kept = "It is in your ledger."
    assert "It is in your ledger. All labs" in page(claims_box(verdicts)).text


def test_every_verdict_has_sign_colour_and_filling_of_its_own() -> None:
    for looks in (SIGNS, COLOURS, FILLS):
        assert set(get_args(Word)) <= set(looks)
        assert len(set(looks.values())) == len(looks)
    assert len({hatch for word, (_, hatch) in FILLS.items() if word}) == len(get_args(Word))


ROW = Row(
    id="2.2-a",
    section="2.2",
    claim="A `flag` makes the file smaller by this much, and nobody has to wait any longer for it.",
    article_figure="12.4 → 9.7 MB",
    verdict="refuted",
    measured="−35 %",
    why="false: so much; not tried: on a disk",
    lab="02-symbols-and-stripping",
    cell="sizes",
    source="recorded",
    date="2026-11-24",
    cpu="AMD EPYC",
    from_record=False,
    evidence={},
)
WORDS: tuple[Any, ...] = ("reproduced", "partly", "refuted", "not testable here", "anecdote", "")


def rows(number: int) -> list[Row]:
    sections = [name for name in SECTIONS for _ in range(-(-number // len(SECTIONS)))][:number]
    return [
        replace(ROW, id=f"{section}-{'z' * n}a", section=section, verdict=WORDS[n % len(WORDS)])
        for n, section in enumerate(sections)
    ]


@pytest.mark.parametrize("width", [60, 83, 120])
def test_the_text_fits_the_terminal(width: int) -> None:
    own = rows(6)
    text = claims_text(own, width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    starts = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert [start for start in starts if "-" in start and start[0].isdigit()][:6] == [
        row.id for row in own
    ]
    joined = " ".join(text.split())
    assert joined.count("article: 12.4 → 9.7 MB; measured: −35 %") == 6
    assert f"6 claims: {counted(own)}." in joined
    assert "Recorded, 2026-11-24, AMD EPYC: 5 claims of lab 02." in joined


def test_the_text_asks_the_terminal_for_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    assert max(map(len, claims_text(rows(6)).splitlines())) <= 70
    monkeypatch.setenv("COLUMNS", "110")
    assert 70 < max(map(len, claims_text(rows(6)).splitlines())) <= 110


def test_the_text_of_a_stranger_s_list_holds_no_terminal_commands() -> None:
    assert "\x1b" not in claims_text([replace(ROW, claim="a\x1b[31m b", measured="\x1b]0;x\x07")])


def test_counts_name_each_verdict_once_and_in_order() -> None:
    own = rows(13)
    words = ["reproduced", "partly", "refuted", "not testable here", "anecdote"]
    wanted = [f"{sum(row.verdict == word for row in own)} {word}" for word in words]
    assert counted(own) == ", ".join([*wanted, "2 without a verdict"])


def test_whose_verdicts_they_are_is_said() -> None:
    own = [
        ROW,
        replace(ROW, source="own", date="2026-12-01", lab="03-x"),
        replace(ROW, source="own", date="2026-12-01", lab="05-y", from_record=True),
        replace(ROW, source="none", verdict="", date="", cpu=""),
    ]
    mine, recorded = provenance(own)
    assert mine == (
        "Your own run, 2026-12-01, AMD EPYC: 2 claims of labs 03, 05; lab 05 showed recorded "
        "tables for what could not be made there."
    )
    assert recorded == "Recorded, 2026-11-24, AMD EPYC: 1 claim of lab 02."


def test_every_section_has_a_name() -> None:
    assert {claim.section for claim in load_claims()} <= set(SECTIONS)


def test_the_figure_s_bars_are_as_long_as_their_numbers_say() -> None:
    from matplotlib import pyplot as plt

    own = rows(40)
    figure = verdicts_figure(own)
    (panel,) = figure.axes
    bars = [bar for bar in panel.patches if bar.get_width() > 0]
    assert [str(round(bar.get_width())) for bar in bars] == [t.get_text() for t in panel.texts]
    assert sum(bar.get_width() for bar in bars) == 40
    assert len(panel.get_yticklabels()) == len(by_section(own))
    plt.close(figure)
    lines = verdicts_sentences(own).splitlines()
    assert lines[0] == f"40 claims: {counted(own)}."
    assert len(lines) == 1 + len(by_section(own))


def test_the_ledger_s_links_lead_to_the_very_cells() -> None:
    own = ledger()
    found = page(ledger_view(own))
    assert_it_reads_without_style(found)
    links = [str(a["href"]) for a in found.all("a")]
    assert links == [cell_link(row.lab, row.cell) for row in own]
    known = {lab.name: set(cells_of(lab.name)) for lab in LABS}
    for link in links:
        lab, _, cell = link.partition(".ipynb#cell-id=")
        assert cell in known[lab], link
    pages = [str(a["href"]) for a in page(ledger_view(own, "html")).all("a")]
    assert pages == [link.replace(".ipynb", ".html") for link in links]


def test_the_ledger_folds_many_claims_and_shows_few() -> None:
    many, few = page(ledger_view(rows(40))), ledger_view(rows(FEW))
    assert all("open" not in own for own in many.all("details"))
    assert len(many.all("details")) == len(by_section(rows(40)))
    assert all("open" in own for own in page(few).all("details"))
    assert ROW.claim[:20] in repr(few)
    mine = ledger_view([replace(ROW, source="own"), ROW])
    assert page(mine).text.count("your own run") == 1


def test_a_code_word_is_set_as_code_and_the_rest_is_escaped() -> None:
    html = ledger_view([replace(ROW, measured=HOSTILE)])._repr_html_()
    assert "A <code>flag</code> makes" in html
    assert "<script>" not in html
    assert "false: so much<br>not tried: on a disk" in html


def test_planted_figures_are_others_and_the_outline_knows_each_of_them() -> None:
    found = plant_and_look()
    assert len(found) >= 40
    assert all(one.planted != one.figure for one in found)
    assert all(one.foreign for one in found)
    listed = {claim.id: claim.article_figure for claim in load_claims()}
    assert all(listed[one.id] == one.figure for one in found)
    box = planted_view(found[:3])
    assert_it_reads_without_style(page(box))
    assert found[0].planted in repr(box)


def test_a_wrong_figure_turns_a_verdict_that_rests_on_it() -> None:
    """Ten times a bound that held still holds, but then a tenth of it does not."""
    reproduced = [one for one in plant_and_look() if one.before == "reproduced"]
    names = {one.id for one in reproduced}
    assert len(names) >= 5
    turned = {one.id for one in reproduced if one.turned}
    assert len(turned) >= 0.9 * len(names), names - turned


def test_nothing_is_planted_where_there_is_no_number() -> None:
    own = Claim("9-a", "9", "Something is so.", "00-start-here", article_figure="cell lost")
    assert plant([own], 10) == [own]
    assert plant_and_look([own]) == []


WAY = Way("trim", 20, 20, 0, 0, 0, 0, -1.0)


@pytest.mark.parametrize(
    ("warm", "cold", "word"),
    [
        ((12, 0), (5, 0), "try it"),
        ((13, 1), (4, 1), "try it"),
        ((6, 2), (0, 1), "try it"),
        ((0, 1), (17, 0), "try it for cold starts"),
        ((2, 4), (15, 0), "leave it"),
        ((12, 0), (0, 2), "leave it"),
        ((1, 0), (1, 0), "leave it"),
        ((0, 0), (0, 0), "leave it"),
        ((0, 12), (0, 3), "leave it"),
    ],
)
def test_a_way_s_word_follows_from_its_counts(
    warm: tuple[int, int], cold: tuple[int, int], word: str
) -> None:
    own = replace(
        WAY,
        warm_faster=warm[0],
        warm_slower=warm[1],
        cold_faster=cold[0],
        cold_slower=cold[1],
    )
    assert own.word == word
    assert replace(own, starts=0).word == "no build"


@pytest.fixture(scope="module")
def recorded() -> tuple[Any, Any]:
    from labhelpers.corpus import load_recorded_corpus
    from labhelpers.recorded import load_recorded

    return load_recorded_corpus(), load_recorded("reproduce")[0]


def test_ways_are_counted_from_the_corpus_and_the_study(recorded: tuple[Any, Any]) -> None:
    corpus, study = recorded
    found = {own.way: own for own in ways(corpus, study)}
    blocks = len({(b.program, b.go) for b in study.binaries})
    assert found["strip"].cases == len(corpus) + blocks
    by_hand = sum(s.cold.verdict == "faster" for a in corpus for s in a.steps if s.step == "pie")
    assert found["pie"].cold_faster == by_hand
    assert found["strip+external+trim"].starts == 0
    gains = [
        own.warm_faster / own.starts for own in found.values() if own.starts and not own.warm_slower
    ]
    assert gains == sorted(gains, reverse=True)


def test_hints_rest_on_cells_that_are_there(recorded: tuple[Any, Any]) -> None:
    hints = instead(*recorded)
    for hint in hints:
        assert hint.because
        for lab, cell in hint.evidence:
            assert cells_of(lab)[cell]["outputs"], (lab, cell)
    box = hints_view(hints)
    assert_it_reads_without_style(page(box))
    assert repr(box).count("\n") == len(hints) - 1
