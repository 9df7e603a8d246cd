"""The article's outline: nothing left out, no claim without a place, no figure made up."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.article import (
    Item,
    as_toml,
    figures_not_in_the_article,
    outline,
    with_coverage,
)
from labhelpers.articletext import figures_in, items_of, normalised, switches_in
from labhelpers.claims import Claim, load_claims
from labhelpers.errors import LabError
from labhelpers.recorded import data_folder
from labhelpers.said import parse_figure, scaled

OUTLINE = data_folder().parent / "article.toml"
TEXT = OUTLINE.parent.parent.parent / "shared" / "article.txt"

SMALL = """\
Posted in

一个题目,快63%

第一章:名字

它低于10ms。另一句约200MB;

名字

# 注释
go build -o a .

// 又一个
go build -o b .  # 尾注
  • -o:名字
  • 第二项
列 甲 乙
一 12.4 MB 9.7 MB
二
graph TD
    A[x] --> B{y?}
    B -->|是| C[z > 3ms]
"""


def test_the_parts_of_a_text() -> None:
    found = {item.key: item for item in items_of(SMALL)}
    assert list(found) == [
        *("0/heading1", "0/heading2", "1/heading1", "1/sentence1", "1/sentence2", "1/heading2"),
        *("1/code1", "1/code1/comment1", "1/code1/comment2", "1/code1/comment3"),
        *("1/item1", "1/item2", "1/table1/row0", "1/table1/row1", "1/table1/row2"),
        *("1/diagram1/A-B", "1/diagram1/B-C"),
    ]
    assert found["0/heading2"].figures == ("63 %",)
    assert found["1/sentence1"].figures == ("< 10 ms",)
    assert found["1/table1/row1"].figures == ("12.4 MB", "9.7 MB")
    assert found["1/diagram1/B-C"].figures == ("> 3 ms",)
    assert found["1/item1"].switches == ("-o",)


def test_an_edge_is_its_two_ends_and_its_word() -> None:
    of = {item.key: item.sha256 for item in items_of(SMALL)}
    for old, new in (("[x]", "[v]"), ("{y?}", "{w?}")):
        other = {item.key: item.sha256 for item in items_of(SMALL.replace(old, new))}
        assert of["1/diagram1/A-B"] != other["1/diagram1/A-B"]
    other = {item.key: item.sha256 for item in items_of(SMALL.replace("|是|", "|否|"))}
    assert of["1/diagram1/B-C"] != other["1/diagram1/B-C"]
    assert of["1/diagram1/A-B"] == other["1/diagram1/A-B"]


def test_white_space_and_widths_do_not_count() -> None:
    assert normalised("Go  1.22 \n(x)") == normalised("Go 1.22(x)")
    assert normalised("12 MB") != normalised("13 MB")


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("低于10ms", ["< 10 ms"]),
        ("超过2GB,约200MB", ["> 2 GB", "about 200 MB"]),
        ("10万个, 12.7亿次", ["100000", "1270000000"]),
        ("减少 30%~60%", ["30 % to 60 %"]),
        ("~1.2ms ~3.8ms", ["about 1.2 ms", "about 3.8 ms"]),
        ("微秒至亚毫秒级", ["order of 1 µs", "< 1 ms"]),
        ("从4.8小时至11分钟, 8秒, 287天", ["4.8 h", "11 min", "8 s", "287 days"]),
        ("14.2MB以内,3分钟内,0.0017%以下", ["≤ 14.2 MB", "≤ 3 min", "< 0.0017 %"]),
        ("开销(ns) 42 89", ["42 ns", "89 ns"]),
        ("rt0_go x86_64 m6i.xlarge s7.large.2 L3 Q2", []),
        ("DWARF v4", ["version 4"]),
        ("12.7 μs", ["12.7 µs"]),
        ("趋近于零", ["0"]),
    ],
)
def test_the_figures_of_a_text(text: str, figures: list[str]) -> None:
    assert figures_in(text) == figures


def test_the_switches_of_a_text() -> None:
    assert switches_in('GODEBUG=x=1 go build -ldflags="-s -w" –strip-unneeded a-b') == [
        *("GODEBUG", "-ldflags", "-s", "-w", "--strip-unneeded"),
    ]


def test_the_outline_names_each_place_once_and_holds_no_word_of_the_text() -> None:
    items = outline()
    assert not [key for key, n in Counter(item.key for item in items).items() if n > 1]
    sections = list(dict.fromkeys(item.section for item in items))
    assert sections == sorted(sections, key=lambda section: [int(n) for n in section.split(".")])
    assert not re.search(r"[\u3000-\u9fff]", OUTLINE.read_text())
    assert as_toml(items) == OUTLINE.read_text()


def test_every_item_is_covered_or_says_why_there_is_nothing_in_it() -> None:
    known = {claim.id for claim in load_claims()}
    for item in outline():
        assert bool(item.claims) != bool(item.nothing), item.key
        assert set(item.claims) <= known, item.key
        own = [claim for claim in item.claims if claim.startswith(f"{item.section}-")]
        assert own or item.nothing, f"{item.key} has no claim of its section"


def test_only_names_heads_and_what_is_not_the_article_s_hold_nothing() -> None:
    """What could be true or false is never waved through: rows, edges, items, code."""
    for item in outline():
        if item.nothing:
            assert item.kind in ("heading", "comment") or (
                item.key.endswith("/row0") or item.nothing == "the blog's own line"
            ), item.key


def test_every_claim_has_a_place_in_the_article() -> None:
    named = {claim for item in outline() for claim in item.claims}
    assert [claim.id for claim in load_claims() if claim.id not in named] == []


def test_the_sections_rows_edges_and_code_of_the_article_are_all_there() -> None:
    kinds = Counter(item.kind for item in outline())
    assert kinds["row"] > 50
    assert kinds["edge"] > 50
    assert kinds["code"] > 12
    tables = {item.key.rpartition("/")[0] for item in outline() if item.kind == "row"}
    assert all(any(i.key == f"{table}/row0" for i in outline()) for table in tables)
    assert sum(item.lost_cells for item in outline()) > 15


def test_the_outline_is_that_of_the_text() -> None:
    if not TEXT.is_file():
        pytest.skip("the article's text does not lie beside this checkout")
    committed = outline()
    assert with_coverage(items_of(TEXT.read_text()), committed) == committed


def test_an_outline_that_is_none_is_said(tmp_path: Path) -> None:
    for text in ("", "[[item]]\nkind = 'row'\n", "]"):
        (tmp_path / "article.toml").write_text(text)
        with pytest.raises(LabError, match="cannot be read as the article's outline"):
            outline(tmp_path / "article.toml")


def test_the_outline_is_read_as_it_is_written(tmp_path: Path) -> None:
    items = [
        Item("1/sentence1", "sentence", "0" * 64, ("< 10 ms",), ("-s",), ("1-a",), "", 0, True),
        Item("1/table1/row1", "row", "1" * 64, (), (), (), "a reason", 2),
    ]
    (tmp_path / "article.toml").write_text(as_toml(items))
    assert outline(tmp_path / "article.toml") == items


def test_every_figure_of_the_claims_stands_in_the_article() -> None:
    assert figures_not_in_the_article(load_claims()) == []


def changed(claim: Claim) -> list[str]:
    """Return figures that the article does not give: larger, smaller, of another unit or side."""
    figure = parse_figure(claim.article_figure)
    if figure is None:
        return []
    text = claim.article_figure
    wrong = {scaled(figure, factor) for factor in (0.5, 1.1, 2, 10)}
    wrong |= {text.replace(*pair) for pair in (("<", ">"), (">", "<"), ("MB", "GB"), ("ms", "µs"))}
    wrong |= {text.replace(*pair) for pair in (("µs", "ms"), ("ns", "ms"), ("%", "×"))}
    if figure.kind == "ratio":
        first, second = re.findall(r"\d+(?:\.\d+)?", text)
        wrong.add(text.replace(first, "@").replace(second, first).replace("@", second))
    return sorted(wrong - {text})


def test_a_figure_that_is_changed_is_found_out() -> None:
    items = outline()
    planted = [(claim, text) for claim in load_claims() for text in changed(claim)]
    assert len(planted) > 150
    missed = [
        (claim.id, text)
        for claim, text in planted
        if figures_not_in_the_article([replace(claim, article_figure=text)], items) != [claim.id]
    ]
    assert missed == []


def test_words_are_no_figures() -> None:
    claim = next(claim for claim in load_claims() if parse_figure(claim.article_figure) is None)
    assert figures_not_in_the_article([replace(claim, article_figure="cell lost")]) == []
    assert figures_not_in_the_article([replace(claim, article_figure="12 or so")]) == [claim.id]
