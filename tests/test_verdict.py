import pytest
from synthetic import study

from labhelpers.readings import readings
from labhelpers.study import Study
from labhelpers.verdict import Verdict, verdict

ALL = "strip+external+trim-tags"


def judged(own: Study) -> Verdict:
    return verdict(own, readings(own))


def mixed(first: float, second: float) -> Study:
    """Return a study in which the three steps do one thing to hello, and another to netuser."""
    own, other = (
        study({"strip": 1.0, ALL: ratio}, programs=("hello", "netuser"))
        for ratio in (first, second)
    )
    _, cell = own.launches
    own.launches[cell] = other.launches[cell]
    return own


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        (0.30, 0.30, "reproduced"),
        (0.30, 0.95, "partly"),
        (0.50, 0.95, "partly"),
        (0.30, 0.50, "partly"),
        (0.95, 1.10, "refuted"),
        (0.70, 0.95, "refuted"),
        (1.63, 1.63, "refuted"),
        (1 / 1.63, 0.95, "not resolved"),
    ],
)
def test_the_word_follows_from_the_data(first: float, second: float, word: str) -> None:
    assert judged(mixed(first, second)).word == word


def test_without_the_three_steps_together_nothing_is_resolved() -> None:
    own = judged(study({"strip": 0.3}))
    assert own.word == "not resolved"
    assert "The three steps together were not measured." in own.sentences


def test_a_single_step_does_not_make_the_claim_true() -> None:
    assert judged(study({"trim": 0.3, ALL: 0.9})).word == "refuted"


def test_the_builds_that_exclude_each_other_are_told() -> None:
    own = judged(study({"strip": 1.0, ALL: 0.9}, failed=("strip+external+trim",)))
    first = own.sentences[0]
    assert "exclude each other" in first
    assert "link: it cannot be" in first
    assert "1 of 1 builds" in first
    plain = judged(study({"strip": 1.0, ALL: 0.9}))
    assert not any("exclude" in sentence for sentence in plain.sentences)


def test_the_sentences_hold_the_figures() -> None:
    own = judged(mixed(0.8, 1.25))
    text = own.text
    assert text.startswith("Refuted. ")
    assert "(hello, Go 1.99.0, warm)" in text
    assert "(netuser, Go 1.99.0, warm)" in text
    assert "of 2 comparisons, 1 faster, 1 slower" in text
    assert "−2" in text
    assert "+2" in text


def test_readings_are_told_by_their_answer() -> None:
    text = judged(study({"external": 1.8, ALL: 0.9})).text
    assert "true somewhere as: " in text
    somewhere = text.partition("true somewhere as: ")[2]
    assert "starts 63 % slower (warm)" in somewhere
    nowhere = text.partition("true nowhere as: ")[2].partition("true somewhere")[0]
    assert "starts in 63 % less time (warm)" in nowhere
    assert "the file is 63 % smaller" in nowhere
