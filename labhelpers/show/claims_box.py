"""The box of claims that every lab has: at its start what it tests, at its end what came of it.

It is plain HTML with its style within, since three very different readers show it: JupyterLab in a
light or a dark theme, GitHub, which takes all style away, and a page made by nbconvert. So nothing
rests on colour alone, text keeps the colour of the page around it, and tables have header cells.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, Protocol

from labhelpers.claims import Claim, Verdicts, load_claims
from labhelpers.show.claims_text import SIGNS, claims_in_words, told

Ending = Literal["ipynb", "html"]
LEDGER = "14-the-verdicts"
"""The lab that lists all verdicts."""
COLOURS: Mapping[str, str] = {
    "reproduced": "#009E73",
    "partly": "#E69F00",
    "refuted": "#D55E00",
    "not testable here": "#888888",
    "anecdote": "#56B4E9",
}
"""A bar beside the word, which stays apart on white and on black (Okabe & Ito)."""


@dataclass(frozen=True)
class Box:
    """HTML for a notebook, and what stands for it where only text is shown."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        """Return the text: it is the output's text/plain."""
        return self.text


class Told(Protocol):
    """What a row of a table of verdicts has: `Judged` and the ledger's `Row` both do."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def claim(self) -> str: ...  # noqa: D102
    @property
    def article_figure(self) -> str: ...  # noqa: D102
    @property
    def verdict(self) -> str: ...  # noqa: D102
    @property
    def measured(self) -> str: ...  # noqa: D102
    @property
    def why(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Column:
    """A column of a table: its head, and how narrow it may become, in em; 0: its text on one line.

    Where a window has less room than that, the table scrolls.
    """

    name: str
    least: int = 0

    @property
    def style(self) -> str:
        """The style of its cells. JupyterLab would set them to the right and in the middle."""
        return "text-align:left;vertical-align:top" + ("" if self.least else ";white-space:nowrap")


SAYS = Column("what the article says, in our words", 16)
VERDICT_COLUMNS = (
    Column("claim"),
    Column("verdict"),
    SAYS,
    Column("its figure", 5),
    Column("measured", 8),
    Column("why", 14),
)
"""The verdict comes early, where a narrow window still shows it."""


def cell_link(lab: str, cell: str, ending: Ending = "ipynb") -> str:
    """Return the address of a cell, seen from another lab.

    JupyterLab opens the notebook at that cell; a page that nbconvert made has the same anchor, and
    its name ends in html.
    """
    return f"{lab}.{ending}#cell-id={cell}" if cell else f"{lab}.{ending}"


def claims_covered(lab: str) -> Box:
    """Return the box for a lab's start: the claims that it tests, without verdicts.

    It is the same on every machine. A lab that tests none says so.
    """
    claims = [claim for claim in load_claims() if claim.lab == lab]
    sentence = covered_sentence(claims)
    if not claims:
        return Box(_box(f"<p><b>Claims.</b> {escape(sentence)}</p>"), sentence)
    columns = [Column("claim"), SAYS, Column("its figure", 5)]
    rows = [
        [linked(claim.id, _here(claim)), code(claim.claim), escape(claim.article_figure)]
        for claim in claims
    ]
    table = html_table("The claims that this lab tests, each linked to its evidence", columns, rows)
    html = f"<p><b>Claims.</b> {escape(sentence)}</p>{folded('Show them', table, False)}"
    return Box(_box(html), sentence)


def claims_box(verdicts: Verdicts) -> Box:
    """Return the box for a lab's end: what its run made of every claim, linked to the evidence.

    Raises:
        LabError: a claim of the lab has no verdict yet.
    """
    judged = verdicts.table()
    sentence = f"This run judged {told(judged)}."
    links = {name: _here(claim) for name, claim in verdicts.claims.items()}
    table = verdict_table("The verdicts of this run", judged, links)
    html = (
        f"<p><b>Verdicts.</b> {escape(sentence)}</p>{folded('The table', table, True)}"
        f"<p>{escape(verdicts.kept)} All labs together: "
        f'<a href="{LEDGER}.ipynb">the verdicts</a>.</p>'
    )
    return Box(_box(html), sentence)


def covered_sentence(claims: Sequence[Claim]) -> str:
    """Return how many claims a lab tests, and of which sections of the article."""
    if not claims:
        return "This lab tests no claim of the article."
    found = Counter(claim.section for claim in claims)
    parts = [f"{number} of {_section(name)}" for name, number in found.items()]
    if len(parts) == 1:
        return f"This lab tests {claims_in_words(len(claims))} of {_section(claims[0].section)}."
    return (
        f"This lab tests {claims_in_words(len(claims))}: {', '.join(parts[:-1])} and {parts[-1]}."
    )


def verdict_table(caption: str, rows: Sequence[Told], links: Mapping[str, str]) -> str:
    """Return verdicts as an HTML table: a row a claim, its id linked to `links[id]`."""
    cells = [[linked(row.id, links.get(row.id, "")), *verdict_cells(row)] for row in rows]
    return html_table(caption, VERDICT_COLUMNS, cells)


def verdict_cells(row: Told) -> list[str]:
    """Return the cells of a verdict as HTML, all but the first."""
    return [
        verdict_mark(row.verdict),
        code(row.claim),
        escape(row.article_figure),
        code(row.measured),
        reasons(row.why),
    ]


def verdict_mark(word: str) -> str:
    """Return a verdict as HTML: its bar of colour, its sign and its word."""
    if not word:
        return "none yet"
    bar = f"border-left: .5em solid {COLOURS[word]}; padding-left: .4em"
    return f'<span style="{bar}">{SIGNS[word]} {escape(word)}</span>'


def html_table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the cells are HTML, the first of a row is the row's header."""
    styles = [column.style for column in columns]
    head = "".join(
        f'<th scope="col" style="{column.style};min-width:{column.least}em">'
        f"{escape(column.name)}</th>"
        for column in columns
    )
    body = "".join(
        f'<tr><th scope="row" style="{styles[0]};font-weight:normal">{first}</th>'
        + "".join(
            f'<td style="{style}">{cell}</td>' for cell, style in zip(rest, styles[1:], strict=True)
        )
        + "</tr>\n"
        for first, *rest in rows
    )
    return (
        '<div style="overflow-x:auto"><table>'
        f'<caption style="text-align:left;padding:.5em">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def folded(summary: str, html: str, is_open: bool) -> str:
    """Return HTML that can be folded away below its summary."""
    state = " open" if is_open else ""
    return f"<details{state}><summary>{escape(summary)}</summary>{html}</details>"


def reasons(why: str) -> str:
    """Return the checks of a verdict as HTML: those that held, those that did not, a line each."""
    return re.sub(r"; (?=(?:true|false|not resolved|not tried): )", "<br>", code(why))


def linked(text: str, address: str) -> str:
    """Return a text as HTML, as a link where there is an address."""
    return f'<a href="{escape(address)}">{escape(text)}</a>' if address else escape(text)


def code(text: str) -> str:
    """Return a text as HTML, what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _box(html: str) -> str:
    return f'<div style="border-left: .25em solid #888; padding: .1em 1em">{html}</div>'


def _section(name: str) -> str:
    return "the title" if name == "0" else f"section {name}"


def _here(claim: Claim) -> str:
    """Return the address of a claim's evidence within its own lab."""
    return f"#cell-id={claim.cell}" if claim.cell else ""
