"""The answers in words, and the command to type."""

from pathlib import Path

import pytest

from labhelpers.advice.answer import StepAnswer, Word
from labhelpers.advice.words import (
    plain_command,
    recommendation,
    size_words,
    start_words,
    step_sentence,
    word,
)
from labhelpers.configs import find_config
from labhelpers.programs import Program, find_program
from labhelpers.startup.estimate import Comparison


def comparison(ratio: float, verdict: str, floor: float = 0.02) -> Comparison:
    return Comparison("default", "strip", ratio, (ratio - 0.05, ratio + 0.05), floor, verdict)


FASTER, SLOWER = comparison(0.8, "faster"), comparison(1.3, "slower")
OPEN, ON_FLOOR = comparison(1.01, "not resolved"), comparison(1.2, "not resolved", 0.3)


@pytest.mark.parametrize(
    ("warm", "cold", "expected"),
    [
        (FASTER, OPEN, "helps"),
        (FASTER, FASTER, "helps"),
        (OPEN, SLOWER, "harms"),
        (FASTER, SLOWER, "mixed"),
        (OPEN, ON_FLOOR, "not resolved"),
    ],
)
def test_one_word_for_both_states(warm: Comparison, cold: Comparison, expected: Word) -> None:
    assert word({"warm": warm, "cold": cold}) == expected


def test_changes_are_said_with_their_intervals() -> None:
    assert start_words("cold", FASTER) == "cold starts take 20.0 % less time [−25.0, −15.0]"
    assert start_words("warm", SLOWER) == "warm starts take 30.0 % more time [+25.0, +35.0]"
    assert start_words("warm", OPEN) == "warm starts not resolved (+1.0 % [−4.0, +6.0])"
    # The interval leaves no change out only because starts of one file differ by as much.
    assert start_words("warm", ON_FLOOR).endswith("[+15.0, +25.0], A/A floor ±30.0 %)")
    assert step_sentence({"warm": FASTER}, 70, 100) == (
        "Warm starts take 20.0 % less time [−25.0, −15.0]; the file is 30 % smaller."
    )
    assert size_words(1.01) == "the file keeps its size (+1.0 %)"


def step(name: str, answer: Word, size: float = 0.7) -> StepAnswer:
    return StepAnswer(name, answer, 70, size, OPEN, FASTER, "Words.", ("A cost.",))


def test_the_default_is_kept_for_one_of_two_reasons() -> None:
    none = {"strip": step("strip", "not resolved")}
    found = recommendation("default", "go build", {}, none, ("warm", "cold"))
    assert found.sentence.startswith("Keep the default build: nothing that was tried is resolved")
    assert found.sentence.endswith("For its size alone, strip: the file is 30 % smaller.")
    some = {"strip": step("strip", "helps"), "trim": step("trim", "helps", 1.0)}
    found = recommendation("default", "go build", {}, some, ("warm", "cold"))
    assert "over all rounds strip and trim look faster" in found.sentence
    assert "with more --rounds" in found.sentence


def test_a_recommendation_has_its_ratios_its_size_and_its_costs() -> None:
    steps = {"strip": step("strip", "helps")}
    found = recommendation("strip", "go build", {"cold": FASTER}, steps, ("cold",))
    assert found.sentence == (
        "Build it as strip: cold starts take 20.0 % less time [−25.0, −15.0]; the file is 30 % "
        "smaller."
    )
    assert found.costs == ("A cost.",)


def module(folder: Path, go_mod: str) -> Program:
    (folder / "cmd" / "it").mkdir(parents=True)
    (folder / "go.mod").write_text(f"module example.com/tool\n\n{go_mod}")
    return Program("it", folder / "cmd" / "it", fetched=True)


def test_the_command_is_what_one_would_type(tmp_path: Path) -> None:
    hello = find_program("hello")
    assert plain_command(find_config("default"), hello, "hello") == (
        "go build -trimpath -o hello ."
    )
    assert plain_command(find_config("strip+trim"), hello, "") == (
        "CGO_ENABLED=0 go build -trimpath '-ldflags=-s -w' -o hello ."
    )
    name = "example.com/tool/cmd/it@v1.0.0"
    own = module(tmp_path / "a", "require example.com/x v1.0.0\n")
    assert plain_command(find_config("pie"), own, name) == (
        f"go install -trimpath -buildmode=pie {name}"
    )


@pytest.mark.parametrize(
    "replacing", ["replace a.b/c => d.e/f v1.0.0\n", "replace (\n\ta.b/c v1.0.0 => ../c\n)\n"]
)
def test_a_module_with_replacements_is_built_in_a_clone(tmp_path: Path, replacing: str) -> None:
    own = module(tmp_path / "a", replacing)
    assert plain_command(find_config("trim"), own, "example.com/tool/cmd/it@v1.0.0") == (
        "CGO_ENABLED=0 go build -trimpath -o it ./cmd/it"
    )
