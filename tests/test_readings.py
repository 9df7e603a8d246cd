import math

import pytest
from synthetic import study

from labhelpers.documents import study_document
from labhelpers.effects import cell_comparisons, interactions
from labhelpers.readings import KINDS, SIZE, Reading, readings
from labhelpers.show.tables import study_text
from labhelpers.study import Study
from labhelpers.verdict import verdict


def named(own: Study, words: str, cache: str | None = "warm") -> Reading:
    (found,) = [r for r in readings(own) if (r.reading, r.cache) == (words, cache)]
    return found


LESS, FACTOR, TO_MAIN, CPU, WORST_LESS, WORST_FACTOR, SLOWER = (kind.words for kind in KINDS)


@pytest.mark.parametrize(
    ("true", "answer"),
    [(0.30, "yes"), (0.37, "not resolved"), (0.45, "no"), (1.0, "no")],
)
def test_less_time_by_63_percent(true: float, answer: str) -> None:
    found = named(study({"strip": 0.98, "trim": true}), LESS)
    assert found.answer == answer
    assert found.best == pytest.approx(min(true, 0.98), rel=0.02)
    assert found.ci95[0] <= found.best <= found.ci95[1]


@pytest.mark.parametrize(
    ("true", "answer"),
    [(0.50, "yes"), (1 / 1.63, "not resolved"), (0.70, "no")],
)
def test_163_times_as_fast(true: float, answer: str) -> None:
    assert named(study({"strip": 0.98, "trim": true}), FACTOR).answer == answer


@pytest.mark.parametrize(
    ("true", "answer"), [(1.80, "yes"), (1.63, "not resolved"), (1.40, "no"), (0.2, "no")]
)
def test_slower_by_63_percent(true: float, answer: str) -> None:
    found = named(study({"strip": 0.98, "external": true}), SLOWER)
    assert found.answer == answer
    assert found.where["candidate"] == ("external" if true > 1 else "strip")


def test_processor_time_is_a_reading_of_its_own() -> None:
    own = study({"strip": 1.0, "trim": 1.0}, cpu={"trim": 0.30})
    assert named(own, CPU).answer == "yes"
    assert named(own, LESS).answer == "no"


def test_the_time_to_main_is_a_reading_of_its_own() -> None:
    own = study({"strip": 1.0, "trim": 0.9}, to_main={"trim": 0.30})
    assert named(own, TO_MAIN).answer == "yes"
    assert named(own, LESS).answer == "no"


def test_without_a_time_to_main_there_is_no_such_reading() -> None:
    own = study({"strip": 1.0, "trim": 0.9})
    own.main_launches = {}
    assert TO_MAIN not in {reading.reading for reading in readings(own)}
    assert "to main" not in study_text(own, readings(own), None)


def test_worst_to_best_compares_any_two() -> None:
    own = study({"external": 1.5, "trim": 0.5})
    found = named(own, WORST_LESS)
    assert found.where["baseline"] == "external"
    assert found.where["candidate"] == "trim"
    assert found.best == pytest.approx(1 / 3, rel=0.02)
    assert found.answer == "yes"
    assert named(own, WORST_FACTOR).answer == "yes"
    assert named(own, LESS).answer == "no"


def test_size_is_exact() -> None:
    sizes = {"default": 1000, "strip": 370, "trim": 990}
    found = named(study({"strip": 1.0, "trim": 1.0}, sizes=sizes), SIZE, None)
    assert (found.best, found.ci95, found.answer) == (0.37, (0.37, 0.37), "yes")
    sizes["strip"] = 371
    found = named(study({"strip": 1.0, "trim": 1.0}, sizes=sizes), SIZE, None)
    assert found.answer == "no"
    assert found.where == {
        "program": "hello",
        "go": "1.99.0",
        "baseline": "default",
        "candidate": "strip",
    }


def test_every_reading_stands_for_warm_and_cold() -> None:
    found = readings(study({"strip": 1.0}, caches=("warm", "cold")))
    assert [(r.reading, r.cache) for r in found] == [
        *((kind.words, cache) for kind in KINDS for cache in ("warm", "cold")),
        (SIZE, None),
    ]


def test_warm_and_cold_are_not_mixed() -> None:
    own = study({"trim": 0.3}, caches=("warm", "cold"))
    warm, _ = own.launches
    own.launches[warm] = study({"trim": 0.9}).launches[warm]
    assert named(own, LESS, "warm").answer == "no"
    assert named(own, LESS, "cold").answer == "yes"


def test_the_best_program_is_found() -> None:
    own = study({"trim": 0.9}, programs=("hello", "netuser"))
    _, second = own.launches
    better = study({"trim": 0.3}, programs=("hello", "netuser"))
    own.launches[second] = better.launches[second]
    found = named(own, LESS)
    assert found.where["program"] == "netuser"
    assert found.place == "netuser, Go 1.99.0: trim against default"


def test_luck_in_the_picking_rounds_does_not_reach_the_estimate() -> None:
    """Even rounds pick and odd ones estimate: what is good in even rounds only is no gain."""
    lucky = {"trim": lambda number: 1.0 if number % 2 else 0.2}
    found = named(study({"strip": 0.95, **lucky}), LESS)
    assert found.where["candidate"] == "trim"
    assert found.best == pytest.approx(1.0, rel=0.02)
    assert found.answer == "not resolved"  # half of its rounds did speak for it


def test_no_means_that_no_pair_of_builds_comes_near() -> None:
    """The picked one is short of 0.37, but another one's interval includes it."""
    wide = {"strip": lambda number: (0.2, 0.42)[number // 2 % 2]}
    found = named(study({"trim": 0.5, **wide}), LESS)
    assert found.answer == "not resolved"
    assert named(study({"trim": 0.5, "strip": 0.6}), LESS).answer == "no"


def test_the_best_of_many_equals_is_not_flattered() -> None:
    many = {f"config {n}": 1.0 for n in range(20)}
    found = named(study(many, noise=0.05, rounds=60), LESS)
    assert found.ci95[0] < 1 < found.ci95[1]


def test_what_could_not_be_built_is_no_candidate() -> None:
    own = study({"trim": 0.9}, failed=("external+trim",))
    assert "external+trim" not in {r.where["candidate"] for r in readings(own)}
    assert own.size("hello", "1.99.0", "external+trim") is None
    (cell,) = own.launches
    assert own.measured_configs(cell) == ["default", "trim"]


def test_too_few_rounds_for_readings() -> None:
    with pytest.raises(ValueError, match="at least 12"):
        readings(study({"trim": 0.9}, rounds=11))
    assert readings(study({"trim": 0.9}, rounds=12))


def test_a_kernel_that_counts_no_processor_time_costs_its_reading_only() -> None:
    own = study({"trim": 0.9}, cpu={"default": 0, "trim": 0, "default (copy)": 0})
    words = {r.reading for r in readings(own)}
    assert CPU not in words
    assert LESS in words
    document = study_document(own)
    assert document["cpu_comparisons"] == []
    assert document["comparisons"]


@pytest.mark.parametrize("rounds", [0, 1, 5, 6, 11, 12])
def test_a_study_cut_short_can_still_be_shown_and_written(rounds: int) -> None:
    own = study({"strip": 0.9, "trim": 0.8, "strip+trim": 0.7}, rounds=rounds)
    own.interrupted = "Ctrl-C"
    found = readings(own) if rounds >= 12 else []
    text = study_text(own, found, verdict(own, found) if found else None)
    assert f"{rounds} rounds, seed 1" in text
    document = study_document(own)
    assert bool(document["comparisons"]) is (rounds >= 6)
    assert bool(document["readings"]) is (rounds >= 12)
    assert len(document["launches"]) == 5 * rounds


def test_every_comparison_has_the_floor_of_its_cell() -> None:
    own = study({"strip": 0.9, "trim": 1.0})
    (cell,) = own.launches
    strip, trim = cell_comparisons(own, cell)
    assert (strip.candidate, strip.verdict) == ("strip", "faster")
    assert (trim.candidate, trim.verdict) == ("trim", "not resolved")
    assert strip.floor == trim.floor
    assert 0 <= strip.floor < 0.02


def test_steps_that_multiply_do_not_interact() -> None:
    own = study({"strip": 0.9, "external": 1.3, "strip+external": 0.9 * 1.3})
    (cell,) = own.launches
    (found,) = interactions(own, cell)
    assert found.steps == ("strip", "external")
    assert found.ratio == pytest.approx(1, abs=0.01)
    assert found.verdict == "not resolved"


@pytest.mark.parametrize(("planted", "word"), [(1.2, "slower"), (0.8, "faster")])
def test_a_planted_interaction_is_found(planted: float, word: str) -> None:
    steps = {"strip": 0.9, "external": 1.3, "trim": 0.7}
    own = study({**steps, "strip+external+trim": math.prod(steps.values()) * planted})
    (cell,) = own.launches
    (found,) = interactions(own, cell)
    assert found.steps == ("strip", "external", "trim")
    assert found.ratio == pytest.approx(planted, rel=0.02)
    assert found.ci95[0] <= planted <= found.ci95[1]
    assert found.verdict == word


def test_an_interaction_needs_each_step_alone() -> None:
    own = study({"strip": 0.9, "strip+external": 1.1})
    (cell,) = own.launches
    assert interactions(own, cell) == []
