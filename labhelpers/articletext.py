"""The article's text cut into items: what a claim can be about, without a word of it kept.

The text lies beside the checkout and is not part of the project, so the outline in
`data/article.toml` names each item by its place, a hash, and the figures that stand in it. This
module makes those from the text; a test makes them again and compares.

An item is a heading, a sentence of a paragraph, an item of a list, a row of a table, a block of
code, a comment in it, or an edge of a diagram.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "sentence", "item", "row", "code", "comment", "edge"]

_CHAPTERS = "一二三四五"
_CHAPTER = re.compile(rf"第([{_CHAPTERS}])章:")
_SECTION = re.compile(r"(\d\.\d) ")
_LONGEST_HEADING = 40
_BULLET = "•"
_GRAPH = re.compile(r"graph (TD|LR)\b")
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//) (.*)")
_CODE = re.compile(r"(# |// |//export |func |go build |FROM |[A-Z]+=\w+ go )")
_ENDS_SENTENCE = tuple("。;;::")
_SENTENCE = re.compile(r"(?<=[。;;])|\n")
_NODE = r"([A-Z])(?:[\[{]+(.*?)[\]}]+(?=\s|$))?"
# One diagram is set as running text, where the arrow's two hyphens have become a dash.
_EDGE = re.compile(rf"{_NODE}\s*(?:--|–)>\s*(?:\|(.*?)\|)?\s*(?={_NODE})")


@dataclass(frozen=True)
class Found:
    """One item of the text: its place, its hash, and the figures and switches that stand in it.

    `figures` are texts as `parse_figure` reads them, `switches` options such as -trimpath and
    variables such as GODEBUG. `key` is section/kind and number, for example 2.2/table1/row2,
    2.4/diagram1/A-B or 5/code1/comment1. Row 0 of a table is its head.
    """

    key: str
    kind: Kind
    sha256: str
    figures: tuple[str, ...]
    switches: tuple[str, ...] = ()


def items_of(text: str) -> list[Found]:
    """Return the items of the article in its order."""
    found: list[Found] = []
    counts: Counter[tuple[str, str]] = Counter()
    section = "0"
    for kind, lines in _blocks(text.splitlines()):
        if kind == "heading":
            section = _section_of(lines[0]) or section
        counts[section, kind] += 1
        place = f"{section}/{kind}{counts[section, kind]}"
        match kind:
            case "paragraph":
                counts[section, kind] -= 1
                for sentence in filter(str.strip, _SENTENCE.split("\n".join(lines))):
                    counts[section, "sentence"] += 1
                    place = f"{section}/sentence{counts[section, 'sentence']}"
                    found.append(_item(place, "sentence", sentence))
            case "table":
                rows = enumerate(lines)
                found += [_item(f"{place}/row{n}", "row", row) for n, row in rows]
            case "diagram":
                found += _edges(place, "\n".join(lines))
            case "code":
                found += _code(place, lines)
            case _:
                found.append(_item(place, "heading" if kind == "heading" else "item", lines[0]))
    return found


def normalised(text: str) -> str:
    """Return what an item's hash is made of: Unicode's form NFKC, and no white space."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _item(key: str, kind: Kind, text: str) -> Found:
    digest = hashlib.sha256(normalised(text).encode()).hexdigest()
    figures = figures_in(_SECTION.sub("", text, count=1) if kind == "heading" else text)
    return Found(key, kind, digest, tuple(figures), tuple(switches_in(text)))


def _section_of(heading: str) -> str | None:
    if chapter := _CHAPTER.match(heading):
        return str(_CHAPTERS.index(chapter[1]) + 1)
    numbered = _SECTION.match(heading)
    return numbered[1] if numbered else None


def _blocks(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the blocks of the text, each with its kind.

    Blank lines part them, but for code, which may hold such lines; and a list, a table, code and a
    diagram may follow each other without one.
    """
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
            continue
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if line.lstrip().startswith(_BULLET):
            yield "item", [line.replace(_BULLET, "", 1)]
            at += 1
            continue
        if _GRAPH.match(line):
            kind, end = "diagram", _until_blank(lines, at)
        elif _CODE.match(line):
            kind, end = "code", _end_of_code(lines, at)
        elif _is_heading(line, at, following):
            kind, end = "heading", at + 1
        elif line.endswith(_ENDS_SENTENCE) or not following.strip():
            kind, end = "paragraph", _until_blank(lines, at)
        else:
            kind, end = "table", _end_of_table(lines, at)
        yield kind, lines[at:end]
        at = end


def _is_heading(line: str, at: int, following: str) -> bool:
    if _CHAPTER.match(line) or _SECTION.match(line) or at < 3:  # the third line is the title
        return True
    return (
        not following.strip()
        and not line.endswith(_ENDS_SENTENCE)
        and len(line) <= _LONGEST_HEADING
    )


def _until_blank(lines: list[str], start: int) -> int:
    return next((n for n in range(start, len(lines)) if not lines[n].strip()), len(lines))


def _end_of_code(lines: list[str], start: int) -> int:
    end = start
    while end < len(lines):
        line = lines[end]
        following = lines[end + 1] if end + 1 < len(lines) else ""
        goes_on = _CODE.match(following) if not line.strip() else True
        if not goes_on or line.lstrip().startswith(_BULLET) or _GRAPH.match(line):
            break
        end += 1
    return end


def _end_of_table(lines: list[str], start: int) -> int:
    stops = (re.compile(r"\s*$"), _GRAPH, re.compile(r"(# |// )"))
    return next(
        (n for n in range(start, len(lines)) if any(stop.match(lines[n]) for stop in stops)),
        len(lines),
    )


def _code(place: str, lines: Iterable[str]) -> list[Found]:
    """Return a block of code without its comments, and each of these."""
    code, comments = [], []
    for line in lines:
        found = _COMMENT.search(line)
        code.append(line[: found.start()] if found else line)
        if found:
            comments.append(found[1])
    numbered = enumerate(comments, 1)
    items = [_item(f"{place}/comment{n}", "comment", text) for n, text in numbered]
    return [_item(place, "code", "\n".join(code)), *items]


def _edges(place: str, text: str) -> list[Found]:
    """Return a diagram's edges, each with the labels of both ends and its own."""
    labels: dict[str, str] = {}
    for name, label in re.findall(_NODE, text):
        labels[name] = labels.get(name) or label
    return [
        _item(
            f"{place}/{one}-{other}",
            "edge",
            " ".join([labels.get(one, ""), word, labels.get(other, "")]),
        )
        for one, _, word, other, _ in _EDGE.findall(text)
    ]


_TIMES = {"万": 10**4, "亿": 10**8}
_UNITS = {
    "小时": "h",
    "分钟": "min",
    "秒": "s",
    "天": "days",
    "人日/月": "person-days a month",
    "μs": "µs",  # NFKC's Greek letter, and the sign that parse_figure knows
}
_BEFORE = {"低于": "<", "<": "<", "超过": ">", ">": ">", "约": "about", "~": "about"}
_AFTER = {"以下": "<", "以内": "≤", "内": "≤"}
_FIGURE = re.compile(
    r"(低于|超过|约|[<>~])?\s*"
    r"(?<![A-Za-z0-9_.])(v?)(\d+(?:\.\d+)?)(万|亿)?\s?"
    r"(KB|MB|GB|ms|ns|μs|%|小时|分钟|秒|天|人日/月)?"
    r"(以下|以内|内)?"
    r"(?![A-Za-z_0-9])"
)
_RANGE = re.compile(r"(\d+)%~(\d+)%")
_OF_THE_ROW = re.compile(r"\((ns|μs|ms|KB|MB)\)")  # the unit of all numbers that follow it
# Magnitudes in words; the first that fits is taken, and what it covers is not read again.
_WORDS = (
    ("亚毫秒", "< 1 ms"),
    ("百毫秒", "order of 100 ms"),
    ("毫秒", "order of 1 ms"),
    ("微秒", "order of 1 µs"),
    ("零业务", "0"),
    ("于零", "0"),
)


def figures_in(text: str) -> list[str]:
    """Return the figures in a text, as `parse_figure` reads them, in their order.

    Numbers within names, such as those of rt0_go or x86_64, are none.
    """
    text = unicodedata.normalize("NFKC", text)
    found: list[tuple[int, str]] = []
    for word, figure in _WORDS:
        while (at := text.find(word)) >= 0:
            found.append((at, figure))
            text = text.replace(word, "\0" * len(word), 1)
    for ends in _RANGE.finditer(text):
        found.append((ends.start(), f"{ends[1]} % to {ends[2]} %"))
    text = _RANGE.sub(lambda ends: "\0" * len(ends[0]), text)
    row = _OF_THE_ROW.search(text)
    for own in _FIGURE.finditer(text):
        before, version, number, times, unit, after = own.groups()
        unit = unit or (row[1] if row and row.end() <= own.start() else "")
        value = f"{float(number) * _TIMES[times]:.0f}" if times else number
        sign = _BEFORE.get(before or "") or _AFTER.get(after or "") or ""
        words = ["version" if version else sign, value, _UNITS.get(unit, unit) or ""]
        found.append((own.start(), " ".join(filter(None, words))))
    return [figure for _, figure in sorted(found)]


_SWITCH = re.compile(r"(?<![\w-])(--?[a-zA-Z][\w-]*(?:=[a-z-]*)?)|\b([A-Z]{2,}[A-Z_]*)(?==)")


def switches_in(text: str) -> list[str]:
    """Return the options and environment variables that a text names, each once, in their order."""
    text = unicodedata.normalize("NFKC", text)
    # The dashes of two headings were hyphens once.
    text = re.sub(r"(?<!\S)–(?=[a-z])", "--", text)
    found = (option or variable for option, variable in _SWITCH.findall(text))
    return list(dict.fromkeys(name.rstrip("=") for name in found))
