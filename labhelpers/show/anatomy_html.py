"""What is in a file, or the difference of two, as one HTML page that needs nothing else.

Every name in a binary is text that a stranger may have chosen: Jinja escapes all of it, and the
page's security policy names its one script and its one style by their hashes, so that nothing else
runs. Without JavaScript all is there but the map.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from labhelpers.binary.meanings import KINDS, kind_of, meaning_of
from labhelpers.binary.packages import COLUMNS
from labhelpers.show.anatomy_text import (
    change_in_percent,
    clean,
    delta_rows,
    facts,
    package_rows,
    signed,
)
from labhelpers.show.treemap import Node, Rectangle, anatomy_tree, cut, diff_tree, squarify

if TYPE_CHECKING:
    from labhelpers.binary.anatomy import Anatomy
    from labhelpers.binary.diff import Diff

SMALLEST = 1 / 20_000
"""Share of the whole below which a leaf is shown only as part of "(n smaller)"."""
MOST_ROWS = 200
"""Of a table of packages or changes; what is smaller stands in one row."""
BOX = (0.0, 0.0, 1600.0, 900.0)
TITLE = 26.0
"""Height of a rectangle's title, in units of `BOX`."""
KIND_LOOKS = {kind: f"k{index}" for index, kind in enumerate(KINDS)}
CHANGE_LOOKS = {
    "less3": "gone, or more than half of it",
    "less2": "smaller by more than 10 %",
    "less1": "smaller",
    "same": "the same",
    "more1": "larger",
    "more2": "larger by more than 10 %",
    "more3": "new, or more than half of it",
}
Look = Callable[[Node, str], str]
"""Gives a node's class in the style, from the node and its parent's class."""


@dataclass(frozen=True)
class Shown:
    """A table as the page shows it; `numbers` are the columns that hold numbers."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()
    total: Sequence[str] = ()


def anatomy_page(anatomy: "Anatomy") -> str:
    """Return the page of one file."""
    size = f"{anatomy.file_bytes:,}"
    memory = sum(row.memory_bytes for row in anatomy.sections)
    sections = Shown(
        "Sections",
        ("section", "in the file", "in memory", "what it holds", "who reads it", "left out by"),
        [_section(row.section, row.file_bytes, row.memory_bytes) for row in anatomy.sections],
        (1, 2),
        ("total", size, f"{memory:,}", "", "", ""),
    )
    *packages, total = package_rows(anatomy, MOST_ROWS)
    columns = ("package", "bytes", "share", *COLUMNS)
    return _page(
        title=f"What is in {clean(anatomy.path.name)}",
        introduction=[f"{size} bytes, of which every one stands in the ledger once."],
        head=[Shown("Summary", ("fact", "found"), facts(anatomy)), _evidence(anatomy)],
        tables=[
            sections,
            Shown("Packages", columns, packages, range(1, len(columns)), total),
        ],
        whole=cut(anatomy_tree(anatomy), anatomy.file_bytes * SMALLEST),
        look=lambda node, above: above or KIND_LOOKS[kind_of(node.name)],
        amount=lambda node: f"{node.size:,}",
        legend=[(look, kind) for kind, look in KIND_LOOKS.items()],
        map_help="Each area is in proportion to the bytes that it stands for.",
        ledger_help=f"All {size} bytes: section, part, package, symbol. What is smaller than "
        f"{SMALLEST:.3%} of the file stands together.",
        notes=anatomy.notes,
        changes=False,
    )


def diff_page(diff: "Diff") -> str:
    """Return the page of two files: `a` before, `b` after."""
    a, b = diff.a, diff.b
    titles = [("Sections", diff.sections), ("Packages", diff.packages), ("Symbols", diff.symbols)]
    tables = []
    for title, deltas in titles:
        *rows, total = delta_rows(deltas, MOST_ROWS)
        tables.append(Shown(title, ("name", "before", "after", "change"), rows, (1, 2, 3), total))
    whole = diff_tree(diff)
    both = [("before", a), ("after", b)]
    words = [dict(facts(own)) for _, own in both]
    summary = [[fact, *(own.get(fact, "–") for own in words)] for fact in {**words[0], **words[1]}]
    return _page(
        title=f"From {clean(a.path.name)} to {clean(b.path.name)}",
        introduction=[
            f"{signed(diff.bytes)} bytes, {change_in_percent(diff)}. The changes in each table "
            "sum to exactly that."
        ],
        head=[Shown("Summary", ("fact", "before", "after"), summary)],
        tables=tables,
        whole=cut(whole, whole.size * SMALLEST),
        look=lambda node, above: change_look(node),
        amount=lambda node: f"{signed(node.change)} of {node.size:,}",
        legend=list(CHANGE_LOOKS.items()),
        map_help="Each area is in proportion to the larger of the two files' bytes; the number in "
        "it, with its sign, is the change, and so is the colour.",
        ledger_help="The change of each, and its bytes in the file that has more of it.",
        notes=[f"{when}: {text}" for when, own in both for text in own.notes],
        changes=True,
    )


def change_look(node: Node) -> str:
    """Return the class of a change: how much of the larger size came or went."""
    share = node.change / node.size if node.size else 0.0
    strength = 3 if abs(share) > 0.5 else 2 if abs(share) > 0.1 else 1
    return f"{'more' if share > 0 else 'less'}{strength}" if share else "same"


def _section(name: str, file_bytes: int, memory_bytes: int) -> list[str]:
    meaning = meaning_of(name)
    sizes = [f"{file_bytes:,}", f"{memory_bytes:,}"]
    return [clean(name), *sizes, meaning.holds, meaning.reader, meaning.removed_by or "nothing"]


def _evidence(anatomy: "Anatomy") -> Shown:
    rows = [[row.fact, clean(row.value), row.meaning] for row in anatomy.linking.evidence]
    return Shown("How it was linked", ("evidence", "found", "what follows"), rows)


def _page(
    *,
    whole: Node,
    look: Look,
    changes: bool,
    notes: Sequence[str],
    **more: Any,  # noqa: ANN401
) -> str:
    from jinja2 import Environment
    from markupsafe import Markup

    folder = files("labhelpers.show") / "page"
    html, style, script = (
        (folder / f"anatomy.{ending}").read_text() for ending in ("html", "css", "js")
    )
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    data = json.dumps(_data(whole, look, changes), ensure_ascii=True, separators=(",", ":"))
    template = Environment(autoescape=True, trim_blocks=True).from_string(html)
    return template.render(
        whole=_cleaned(whole),
        style=Markup(style),
        script=Markup(script),
        policy=policy,
        # Inside a script element only "</" could end it; < and & are not needed in JSON.
        data=Markup(data.replace("<", "\\u003c").replace("&", "\\u0026")),
        notes=[clean(note, 1000) for note in notes],
        **more,
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _cleaned(node: Node) -> Node:
    return Node(clean(node.name), node.size, node.change, [_cleaned(c) for c in node.children])


def _data(
    node: Node, look: Look, changes: bool, above: str = "", box: Rectangle = BOX, depth: int = 0
) -> list[Any]:
    """Return a node as the script takes it: name, size, change, class, place, children.

    The place is in 1/10,000 of the parent. What a file is made of has its class from the first
    level on: from the section.
    """
    width, height = box[2:]
    inner = (0.0, 0.0, max(width, 1.0), max(height - TITLE, height / 2, 1.0))
    own = look(node, above) if depth or changes else ""
    places = squarify([child.size for child in node.children], inner)
    children = [
        _data(child, look, changes, own, place, depth + 1)
        for child, place in zip(node.children, places, strict=True)
    ]
    for child, (x, y, w, h) in zip(children, places, strict=True):
        parts = (x / inner[2], y / inner[3], w / inner[2], h / inner[3])
        child[4] = [round(10_000 * part) for part in parts]
    change = node.change if changes else None
    return [clean(node.name), node.size, change, own, [0, 0, 10_000, 10_000], children]
