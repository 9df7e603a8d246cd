"""The article's outline: each of its items, and the claims that it stands for.

`data/article.toml` names every heading, sentence, list item, table row, block of code, comment and
edge of a diagram by place and hash, with the figures that stand there and no word of the text. For
each it says which claims of `data/claims.toml` cover it, or why nothing in it can be true or false.
So nothing of the article is left out, and no claim gives a figure that the article does not have.

`as_toml(with_coverage(items_of(text), outline()))` makes the file again from the text.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labhelpers.articletext import Found
from labhelpers.claims import Claim
from labhelpers.errors import LabError
from labhelpers.recorded import data_folder
from labhelpers.said import UNITS, parse_figure

HEAD = """\
# The article's outline, without a word of it (labhelpers/article.py).
#
# key: section, kind and number; sha256: of its text in Unicode's form NFKC without white space;
# figures: what stands there; switches: options and variables that are named there; lost_cells: how
# many cells of a row the text has lost; cut_off: the text breaks off within it.
# claims: those of claims.toml that cover it; nothing: why nothing in it can be true or false.
"""


@dataclass(frozen=True)
class Item(Found):
    """One item, and what covers it: `claims`, or `nothing` as the reason why none does.

    `lost_cells` counts the cells of a row that the text has lost, `cut_off` says that the text
    breaks off within the item; both are read by a person from what the row's head promises.
    """

    claims: tuple[str, ...] = ()
    nothing: str = ""
    lost_cells: int = 0
    cut_off: bool = False

    @property
    def section(self) -> str:
        """The section that it stands in; the title is section 0."""
        return self.key.partition("/")[0]


def outline(file: Path | None = None) -> list[Item]:
    """Return the items of the outline in the article's order.

    Args:
        file: another outline than data/article.toml.

    Raises:
        LabError: it is not to be read, or no outline.
    """
    path = file or data_folder().parent / "article.toml"
    try:
        entries = tomllib.loads(path.read_text())["item"]
        return [_item(own) for own in entries]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LabError(
            f"{path} cannot be read as the article's outline ({error}): take data/article.toml as "
            "a model."
        ) from error


def _item(entry: dict[str, Any]) -> Item:
    lists = {name: tuple(entry.get(name, ())) for name in ("figures", "switches", "claims")}
    return Item(**{**entry, **lists})


def as_toml(items: Iterable[Item]) -> str:
    """Return the file that `outline` reads; fields that say nothing are left out."""
    return HEAD + "".join(f"\n[[item]]\n{_fields(item)}" for item in items)


def _fields(item: Item) -> str:
    lines = []
    for name in (
        *("key", "kind", "sha256", "figures", "switches"),
        *("lost_cells", "cut_off", "claims", "nothing"),
    ):
        value = getattr(item, name)
        if value or name == "figures":
            # JSON's strings, lists, numbers and truth values are TOML's, too.
            lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}\n")
    return "".join(lines)


_TOKEN = re.compile(r"(<|≤|>|≥|about)? ?(\d+(?:[ \u202f]\d{3})*(?:\.\d+)?) ?([^\d\s<>≤≥→/,]*)")
_SIDES = {"<": "<", "≤": "<", ">": ">", "≥": ">"}


@dataclass(frozen=True)
class _Number:
    """A number of a figure: which bound it is, if any, and its unit."""

    side: str
    value: float
    unit: str


def figures_not_in_the_article(
    claims: Iterable[Claim], items: Iterable[Item] | None = None
) -> list[str]:
    """Return the ids of those claims that give a figure which none of their items has.

    A bound has to be one in the article, on the same side; the ends of a range and of "12 → 9 MB"
    have to stand there in this order, those of "9 / 12 ms" in the other. A bare number agrees with
    one that counts something ("3 clusters"), and not with 3 ms. Words without a number are none.

    Args:
        claims: for example a copy of claims.toml in which a figure was changed.
        items: the outline; data/article.toml if not given.
    """
    found: dict[str, list[_Number]] = {}
    for item in outline() if items is None else items:
        for claim in item.claims:
            found.setdefault(claim, []).extend(n for text in item.figures for n in _numbers(text))
    return [claim.id for claim in claims if not _stands(claim.article_figure, found.get(claim.id))]


def _stands(text: str, there: list[_Number] | None) -> bool:
    figure = parse_figure(text)
    if figure is None:
        return not re.search(r"\d", text)
    wanted = _numbers(text)
    if figure.kind == "ratio" and "/" in text:
        wanted.reverse()
    places = iter(there or [])
    # Each is looked for behind the one before it.
    return all(any(_agrees(number, other) for other in places) for number in wanted)


def _agrees(wanted: _Number, there: _Number) -> bool:
    return (
        wanted.value == there.value
        and (wanted.unit == there.unit or not (there.unit or wanted.unit in UNITS))
        and wanted.side in ("", there.side)
    )


def _numbers(text: str) -> list[_Number]:
    """Return the numbers of a figure; the first of two may take its unit from the second.

    "version 4" is a number with its unit in front.
    """
    if (named := re.fullmatch(r"([a-z]+) (\d+)", text)) and named[1] != "about":
        return [_Number("", float(named[2]), named[1])]
    tokens = [
        _Number(_SIDES.get(side, ""), float(re.sub(r"\s", "", number)), unit)
        for side, number, unit in _TOKEN.findall(text)
    ]
    if len(tokens) == 2 and tokens[0].unit in ("", "to"):
        tokens[0] = _Number(tokens[0].side, tokens[0].value, tokens[1].unit)
    return tokens


def with_coverage(found: Iterable[Found], old: Iterable[Item]) -> list[Item]:
    """Return items made from the text, each with what an outline says of the item of its key."""
    known: Mapping[str, Item] = {item.key: item for item in old}
    made = []
    for own in found:
        said = known.get(own.key)
        kept = (said.claims, said.nothing, said.lost_cells, said.cut_off) if said else ()
        made.append(Item(own.key, own.kind, own.sha256, own.figures, own.switches, *kept))
    return made
