"""Rectangles: areas in proportion, nothing outside, nothing twice; trees that keep their sums."""

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labhelpers.binary.anatomy import Anatomy, anatomy
from labhelpers.binary.diff import diff
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.show.anatomy_figures import diff_figure, kinds, size_bars, treemap_figure
from labhelpers.show.treemap import Node, anatomy_tree, cut, diff_tree, squarify, tree
from labhelpers.toolchain import toolchain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = st.lists(st.integers(1, 10**9), min_size=1, max_size=30).map(
    lambda sizes: sorted(sizes, reverse=True)
)
SIDES = st.floats(0.5, 2000)
PATHS = st.lists(
    st.tuples(st.lists(st.sampled_from("abc"), min_size=2, max_size=2), st.integers(0, 1000)),
    min_size=1,
    max_size=40,
)


@given(SIZES, SIDES, SIDES)
def test_rectangles_fill_the_box(sizes: list[int], width: float, height: float) -> None:
    found = squarify(sizes, (3.0, 5.0, width, height))
    assert len(found) == len(sizes)
    scale = width * height / sum(sizes)
    for size, (left, top, w, h) in zip(sizes, found, strict=True):
        assert w * h == pytest.approx(size * scale, rel=1e-6, abs=1e-9 * width * height)
        assert left >= 3.0 - 1e-9 * width
        assert top >= 5.0 - 1e-9 * height
        assert left + w <= 3.0 + width * (1 + 1e-9)
        assert top + h <= 5.0 + height * (1 + 1e-9)
    for a, b in combinations(found, 2):
        across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
        down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
        assert across <= 1e-9 * width or down <= 1e-9 * height


def test_rectangles_are_not_slices() -> None:
    shapes = [max(w / h, h / w) for _, _, w, h in squarify([1] * 100, (0, 0, 100, 100))]
    assert max(shapes) == pytest.approx(1)
    uneven = sorted((x * x for x in range(1, 60)), reverse=True)
    shapes = sorted(max(w / h, h / w) for _, _, w, h in squarify(uneven, (0, 0, 160, 90)))
    assert shapes[len(shapes) // 2] < 1.5


def check(whole: Node) -> None:
    for node in whole:
        if node.children:
            assert sum(child.size for child in node.children) == node.size
            assert sum(child.change for child in node.children) == node.change
            order = [child.size for child in node.children]
            assert order == sorted(order, reverse=True)


@given(PATHS, st.integers(0, 500))
def test_a_tree_keeps_its_sums_when_it_is_cut(
    leaves: list[tuple[list[str], int]], least: int
) -> None:
    whole = tree("all", [(path, size, -size) for path, size in leaves])
    assert whole.size == sum(size for _, size in leaves)
    assert whole.change == -whole.size
    check(whole)
    short = cut(whole, least)
    assert (short.size, short.change) == (whole.size, whole.change)
    check(short)
    assert sum(1 for _ in short) <= sum(1 for _ in whole)
    assert all(node.size for node in whole if node is not whole)


def test_what_is_small_stands_together() -> None:
    leaves = [(("a", str(size)), size, 1) for size in (50, 3, 2, 1)]
    short = cut(tree("all", [*leaves, (("b", "(rest)"), 9, 0)]), 5)
    assert [(c.name, c.size) for c in short.children] == [("a", 56), ("b", 9)]
    assert [(c.name, c.size) for c in short.children[0].children] == [
        ("50", 50),
        ("(3 smaller)", 6),
    ]
    assert short.children[1].children == []


@pytest.fixture(scope="module")
def files() -> tuple[Anatomy, Anatomy]:
    paths: list[Path] = []
    for config in ("default", "strip"):
        path = build(find_program("hello"), find_config(config), toolchain("current")).path
        assert path
        paths.append(path)
    return anatomy(paths[0]), anatomy(paths[1])


def test_the_tree_of_a_file_is_the_file(files: tuple[Anatomy, Anatomy]) -> None:
    for own in files:
        whole = anatomy_tree(own)
        check(whole)
        assert whole.size == own.file_bytes
        sections = {row.section: row.file_bytes for row in own.sections if row.file_bytes}
        assert {child.name: child.size for child in whole.children} == sections


def test_the_tree_of_a_change(files: tuple[Anatomy, Anatomy]) -> None:
    compared = diff(*files)
    whole = diff_tree(compared)
    check(whole)
    assert whole.change == compared.bytes
    assert whole.size >= max(own.file_bytes for own in files)
    changes = {child.name: child.change for child in whole.children}
    assert changes[".text"] == 0
    assert changes[".symtab"] == -next(
        row.file_bytes for row in files[0].sections if row.section == ".symtab"
    )
    for node in whole:
        assert abs(node.change) <= node.size


def written(figure: "Figure") -> str:
    """Return all that a figure says in letters."""
    return "\n".join(text.get_text() for panel in figure.axes for text in panel.texts)


def test_the_bars_are_the_file(files: tuple[Anatomy, Anatomy]) -> None:
    for own in files:
        assert sum(kinds(own).values()) == own.file_bytes
    assert kinds(files[0])["debug data"] > kinds(files[1])["debug data"] == 0
    bars = size_bars([("default", files[0]), ("strip", files[1])])
    for own in files:
        assert f"{own.file_bytes / 1e6:.2f}" in written(bars)
    widths = [patch.get_width() for patch in bars.axes[0].patches]  # type: ignore[attr-defined]
    assert sum(widths) == pytest.approx(sum(own.file_bytes for own in files) / 1e6)


def test_figures_say_what_they_show(files: tuple[Anatomy, Anatomy]) -> None:
    assert ".text" in written(treemap_figure(files[0]))
    compared = diff(*files)
    figure = diff_figure(compared)
    largest = compared.sections[0]
    assert f"−{-largest.delta:,}" in written(figure)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[0] == largest.name
    same = diff_figure(diff(files[0], files[0]))
    assert written(same) == ""
