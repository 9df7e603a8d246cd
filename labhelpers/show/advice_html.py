"""The answer of `golab advise` as one HTML page that needs nothing else.

The answer and its command come first. Every text may hold names that a stranger chose: Jinja
escapes all of it, and the page's security policy names its one script and its one style by their
hashes. The script only copies the command; without it the page is whole.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from labhelpers.advice.answer import Advice
from labhelpers.advice.lessons import FAILED
from labhelpers.cgo.report import CgoReport
from labhelpers.show.advice_text import (
    BASELINE,
    caches,
    change,
    comparison,
    costs,
    default_bytes,
    failed,
    finding,
    headline,
    how_measured,
    megabytes,
    notes,
    sentences,
    size_change,
    time_of,
    title,
    where,
)
from labhelpers.show.anatomy_text import clean
from labhelpers.show.cgo_text import differences
from labhelpers.startup.estimate import Comparison

LABELS, PLOT = 216, 454
"""Widths of the figure's columns: names and changes."""
ROW, HEAD = 34, 26
"""Heights of a row and of the axis."""
FURTHEST = 150.0
"""Per cent beyond which the axis does not reach."""
SIGNS = {
    "helps": "▼",
    "harms": "▲",
    "mixed": "◆",
    "not resolved": "~",
    "does not build": "✕",
    "does not start": "✕",
}
"""Beside each word of an answer, so that the eye finds it in the table."""


@dataclass(frozen=True)
class Mark:
    """One change in the figure: its places, and how it looks."""

    look: str
    resolved: bool
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class DrawnRow:
    """One step in the figure; `words` stand there where nothing was measured."""

    y: float
    label: str
    marks: list[Mark]
    words: str = ""


@dataclass(frozen=True)
class Drawing:
    """The figure as the template draws it."""

    width: int
    height: float
    axis: list[tuple[float, str]]
    zero: float
    rows: list[DrawnRow]
    looks: list[str]


@dataclass(frozen=True)
class Shown:
    """A table: its caption, columns, rows, and which columns hold numbers."""

    caption: str
    columns: list[str]
    rows: list[list[str]]
    numbers: tuple[int, ...] = ()


def advice_page(advice: Advice) -> str:
    """Return the page of one answer."""
    own = advice.recommended
    return _page(
        title=headline(advice),
        subtitle=clean(title(advice), 300),
        package=clean(advice.package, 200) if advice.package != advice.program else "",
        sentence=clean(own.sentence, 1000),
        command=clean(own.command, 4000),
        where=where(advice),
        paid=[clean(cost, 1000) for cost in own.costs],
        finding=finding(advice),
        drawing=_drawing(advice),
        steps=_steps(advice),
        chosen=own.config,
        failed=[
            (step.step, clean(step.sentence, 1000), _log(advice, step.step))
            for step in failed(advice)
        ],
        words=[(steps, clean(text, 1000)) for steps, text in sentences(advice)],
        costs=[(clean(cost, 1000), ", ".join(steps)) for cost, steps in costs(advice)],
        cgo=_cgo(advice.cgo) if advice.cgo else None,
        how=[clean(text, 1000) for text in how_measured(advice)],
        notes=[clean(note, 1000) for note in notes(advice)],
    )


def report_link(advice: Advice, text: str = "Save the report") -> str:
    """Return a link that saves the page; it holds the whole page and needs no server."""
    name = re.sub(r"[^\w.+-]+", "-", advice.program) or "program"
    page = b64encode(advice_page(advice).encode()).decode()
    return (
        f'<a style="text-decoration: underline" download="advice-{escape(name)}.html" '
        f'href="data:text/html;base64,{page}">{escape(text)}</a>'
    )


def answer_fragment(advice: Advice) -> str:
    """Return the answer as HTML for a place within another page: command, table, and report."""
    own, table = advice.recommended, _steps(advice)
    page = escape(advice_page(advice))
    name = escape(clean(advice.program, 60))
    left = [index in table.numbers for index in range(len(table.columns))]
    head = "".join(_cell("th", *cell) for cell in zip(table.columns, left, strict=True))
    rows = "".join(
        f'<tr{CHOSEN if row[0] == own.config else ""}><th scope="row" style="text-align: left">'
        f"{escape(row[0])}</th>"
        + "".join(_cell("td", *cell) for cell in zip(row[1:], left[1:], strict=True))
        + "</tr>"
        for row in table.rows
    )
    return (
        f"<p><b>{name}</b>: {escape(clean(own.sentence, 1000))}</p>"
        f"<p>{escape(where(advice))}:</p>"
        f'<pre tabindex="0"><code>{escape(clean(own.command, 4000))}</code></pre>'
        f'<div style="overflow-x: auto"><table><caption>{escape(table.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"<p>{report_link(advice)}</p>"
        f"<details><summary>Read the report here</summary><iframe title='Report on {name}' "
        'sandbox="allow-scripts" style="width: 100%; height: 40rem; border: 1px solid #888" '
        f'srcdoc="{page}"></iframe></details>'
    )


CHOSEN = ' style="background: #fff3c4"'


def _cell(tag: str, text: str, number: bool) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    side = "right; white-space: nowrap" if number else "left"
    return f'<{tag}{scope} style="padding: 0 .6rem; text-align: {side}">{escape(text)}</{tag}>'


def _steps(advice: Advice) -> Shown:
    states = caches(advice)
    sizes = [megabytes(default_bytes(advice)), ""]
    times = [text for cache in states for text in time_of(advice.estimates[cache])]
    rows = [[BASELINE, "baseline", *sizes, *times]]
    for step in advice.steps:
        changes = [text for cache in states for text in change(comparison(step, cache))]
        chosen = ", recommended" if step.step == advice.recommended.config else ""
        answer = f"{SIGNS[step.answer]} {step.answer}{chosen}"
        sizes = [megabytes(step.bytes), size_change(step) if step.bytes else ""]
        rows.append([step.step, answer, *sizes, *changes])
    times = [name for cache in states for name in (f"{cache} start", "95 % interval")]
    names = ["step", "answer", "size", "change", *times]
    caption = "Each step against the default build; ~ marks what is not resolved"
    return Shown(caption, names, rows, tuple(range(2, 4 + len(times))))


def _log(advice: Advice, config: str) -> str:
    """Return what the build said, where it failed: the end of it if that is long."""
    found = next((b for b in advice.binaries if b.config == config and b.error), None)
    lines = found.log.strip().splitlines()[-30:] if found else []
    return "\n".join(clean(line, 400) for line in lines)


def _cgo(report: CgoReport) -> dict[str, Any]:
    causes = [
        [
            clean(cause.package),
            clean(cause.module) or "standard library",
            " → ".join(clean(part) for part in cause.chain),
            clean(cause.why, 600),
            ", ".join(cause.removed_by) or "nothing that was tried",
            clean(cause.in_its_place, 600),
        ]
        for cause in report.causes
    ]
    switches = [
        [
            clean(switch.name),
            ", ".join(map(clean, switch.removes)) or "nothing",
            ", ".join(map(clean, switch.left)) or "nothing",
            {True: "yes", None: "not tried"}.get(switch.builds, f"no: {clean(switch.error or '')}"),
        ]
        for switch in report.switches
    ]
    where = ["package", "from", "imported by way of", "what for", "removed by", "in its place"]
    what = ["switch", "takes out", "leaves", "builds"]
    if all(switch.builds is None for switch in report.switches):
        what, switches = what[:3], [row[:3] for row in switches]
    return {
        "linking": f"The default build: {clean(report.default_linking, 600)}.",
        "causes": Shown('Packages with import "C"', where, causes),
        "switches": Shown("What would take C out", what, switches),
        "differs": [(clean(names), clean(text, 1000)) for names, text in differences(report)],
        "notes": [clean(note, 1000) for note in report.notes],
    }


def _drawing(advice: Advice) -> Drawing:
    states = caches(advice)
    found = [c for s in advice.steps for c in (comparison(s, cache) for cache in states) if c]
    ends = [_percent(end) for c in found for end in c.ci95]
    low, high = min([*ends, -10.0]), max([*ends, 10.0])
    low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)

    def place(percent: float) -> float:
        return round(LABELS + (percent - low) / (high - low) * PLOT, 2)

    def mark(c: Comparison, y: float, look: str) -> Mark:
        ends = [place(_percent(end)) for end in c.ci95]
        return Mark(look, c.verdict != "not resolved", place(_percent(c.ratio)), y, *ends)

    rows = []
    for index, step in enumerate(advice.steps):
        y = HEAD + index * ROW
        shifts = [ROW / 2] if len(states) == 1 else [ROW / 2 - 7, ROW / 2 + 7]
        pairs = [(comparison(step, c), shift, c) for c, shift in zip(states, shifts, strict=True)]
        marks = [mark(c, y + shift, cache) for c, shift, cache in pairs if c]
        label = f"▶ {step.step}" if step.step == advice.recommended.config else step.step
        rows.append(DrawnRow(y, label, marks, step.answer if step.answer in FAILED else ""))
    step_width = next(w for w in (5, 10, 20, 25, 50, 100) if (high - low) / w <= 7)
    ticks = range(-(-int(low) // step_width) * step_width, int(high) + 1, step_width)
    axis = [(place(t), f"{t:+} %".replace("-", "−") if t else "0") for t in ticks]
    height = HEAD + len(rows) * ROW + 6
    return Drawing(LABELS + PLOT + 12, height, axis, place(0), rows, list(states))


def _percent(ratio: float) -> float:
    return min((ratio - 1) * 100, FURTHEST)


def _page(**content: Any) -> str:  # noqa: ANN401
    from jinja2 import Environment
    from markupsafe import Markup

    folder = files("labhelpers.show") / "page"
    html, style, script = (
        (folder / f"advice.{ending}").read_text() for ending in ("html", "css", "js")
    )
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = Environment(autoescape=True, trim_blocks=True).from_string(html)
    return template.render(
        style=Markup(style), script=Markup(script), policy=policy, row=ROW, head=HEAD, **content
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
