"""What can be checked of chapter 5: sums, order, names."""

from dataclasses import replace

import pytest

from labhelpers.article import Item
from labhelpers.claims import Claim, load_claims
from labhelpers.errors import LabError
from labhelpers.experiments.stories import (
    NODES,
    PAIRS,
    failed_requests,
    machine_types,
    order_of_steps,
    story_arithmetic,
    summing_up,
)


def changed(claim: str, figure: str) -> list[Claim]:
    return [replace(c, article_figure=figure) if c.id == claim else c for c in load_claims()]


def test_the_sums_follow_from_the_figures_and_their_units() -> None:
    gains = {gain.claim: gain for gain in story_arithmetic()}
    assert set(gains) == set(PAIRS)
    assert gains["5-n"].less == pytest.approx((1 - 8 / (47 * 60)) * 100, abs=1e-3)
    assert gains["5-d"].times == pytest.approx(4.8 * 60 / 11, abs=1e-2)
    stated = {gain.judged: gain.stated for gain in gains.values() if gain.judged}
    assert set(stated) == {"5-m", "5-o", "5-q"}
    assert all(text.endswith(" %") for text in stated.values())


def test_another_figure_makes_another_sum() -> None:
    wrong = {gain.claim: gain for gain in story_arithmetic(changed("5-p", "217 → 140 min"))}
    assert wrong["5-p"].less == pytest.approx((1 - 140 / 217) * 100, abs=1e-3)


def test_a_story_without_its_pair_is_said() -> None:
    with pytest.raises(LabError, match="5-p says 'soon', which is no pair"):
        story_arithmetic(changed("5-p", "soon"))
    with pytest.raises(LabError, match="lacks 5-d, 5-e"):
        story_arithmetic([claim for claim in load_claims() if claim.section != "5"])


def test_how_many_requests_may_fail() -> None:
    assert failed_requests(changed("5-v", "< 50 %")) == 1_270_000_000 // 2
    assert failed_requests() == 21_590
    with pytest.raises(LabError, match="hold no figures"):
        failed_requests(changed("5-v", "few"))


def test_the_last_chapter_s_figures_are_held_against_those_before_it() -> None:
    def item(key: str, *figures: str) -> Item:
        return Item(key, "sentence", "", figures)

    made = [item("1/sentence1", "3 ms", "7"), item("5/sentence1", "3 ms", "7", "8 s")]
    own = summing_up(made)[0]
    assert (own.figures, own.known_before, own.which) == (2, 1, "3 ms")
    real = summing_up()[0]
    assert real.figures > 10


def test_the_order_follows_the_edges() -> None:
    after = {step.node: step.after.split() for step in order_of_steps()}
    assert set(after) == set(NODES)
    assert after["A"] == []
    assert after["H"] == ["A", "B", "C", "D", "F"]
    assert "D" not in after["E"]


def test_the_machine_types_are_decoded() -> None:
    sizes = {own.type: (own.vcpus, own.memory_gib) for own in machine_types()}
    assert sizes == {"m6i.xlarge": (4, 16), "ecs.g7.large": (2, 8), "s7.large.2": (2, 4)}
