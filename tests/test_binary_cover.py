"""Stretches that cover a range exactly, whatever overlaps they are made from."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labhelpers.binary.cover import Stretches, Words, disjoint, joined, lay, one, stretches

SIZE = 60
CLAIMS = st.lists(st.tuples(st.integers(-5, SIZE + 5), st.integers(0, 25), st.integers(1, 4)))


def layer(claims: list[tuple[int, int, int]]) -> Stretches:
    start = np.array([at for at, _, _ in claims], np.int64)
    length = np.array([size for _, size, _ in claims], np.int64)
    label = np.array([name for _, _, name in claims], np.int64)
    return stretches(start, start + length, name=label)


def bytes_of(found: Stretches) -> dict[int, int]:
    """Return each byte's label; fails where a byte stands twice."""
    own: dict[int, int] = {}
    for start, end, name in zip(found.start, found.end, found.name, strict=True):
        for at in range(start, end):
            assert at not in own
            own[at] = int(name)
    return own


@given(st.lists(CLAIMS, max_size=3))
def test_every_byte_goes_to_one_claim_or_to_a_gap(claims: list[list[tuple[int, int, int]]]) -> None:
    layers = [layer(own) for own in claims]
    held, gaps = lay(layers, SIZE)
    own, free = bytes_of(held), bytes_of(gaps)
    assert set(own) | set(free) == set(range(SIZE))
    assert not set(own) & set(free)


@given(CLAIMS, CLAIMS)
def test_the_first_layer_that_claims_a_byte_gets_it(
    first: list[tuple[int, int, int]], second: list[tuple[int, int, int]]
) -> None:
    held = bytes_of(lay([layer(first), layer(second)], SIZE)[0])
    alone = bytes_of(lay([layer(first)], SIZE)[0])
    assert {at: held[at] for at in alone} == alone
    behind = bytes_of(lay([layer(second)], SIZE)[0])
    assert all(held[at] == name for at, name in behind.items() if at not in alone)


def test_layers_behind_one_that_fills_everything_have_no_part() -> None:
    full = [(0, SIZE, 1)]
    held, gaps = lay([layer(full), layer([]), layer([(3, 4, 2)]), layer([])], SIZE)
    assert bytes_of(held) == dict.fromkeys(range(SIZE), 1)
    assert len(gaps) == 0


def test_of_two_that_begin_together_the_longer_counts() -> None:
    found = disjoint(layer([(3, 2, 1), (3, 9, 2)]), SIZE)
    assert bytes_of(found) == dict.fromkeys(range(3, 12), 2)


def test_one_inside_another_is_left_out() -> None:
    found = disjoint(layer([(0, 10, 1), (4, 2, 2), (8, 5, 3)]), SIZE)
    assert bytes_of(found) == {at: 1 if at < 10 else 3 for at in range(13)}


def test_neighbours_with_the_same_label_become_one() -> None:
    held, gaps = lay([joined([one(0, 5, name=1), one(5, 9, name=1), one(9, 12, name=2)])], 12)
    assert len(held) == 2
    assert len(gaps) == 0


def test_words_have_an_index_each() -> None:
    words = Words()
    assert words.of("") == 0
    assert words.of_all(["a", "b", "a"]).tolist() == [1, 2, 1]
    assert [words[index] for index in words.of_all(["b", "c", "a"])] == ["b", "c", "a"]
    assert words.words == ["", "a", "b", "c"]
