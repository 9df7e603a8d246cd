from itertools import permutations

import pytest

from labhelpers.configs import CONFIGS, FACTORIAL, TAGS, find_config
from labhelpers.errors import LabError

STEPS = {
    "default",
    "strip",
    "external",
    "trim",
    "strip+external",
    "strip+trim",
    "external+trim",
    "strip+external+trim",
}
BY_TAGS = {"trim-tags", "strip+trim-tags", "external+trim-tags", "strip+external+trim-tags"}


def test_the_factorial_is_every_combination_and_those_by_tags() -> None:
    assert set(FACTORIAL) == STEPS | BY_TAGS
    assert len(FACTORIAL) == 12
    assert FACTORIAL[0] == "default"


def test_there_are_the_factorial_static_and_pie() -> None:
    assert set(CONFIGS) == {*FACTORIAL, "static", "pie"}
    assert all(name == config.name for name, config in CONFIGS.items())


@pytest.mark.parametrize("name", FACTORIAL)
def test_steps_may_be_named_in_any_order(name: str) -> None:
    for steps in permutations(name.split("+")):
        assert find_config("+".join(steps)) is CONFIGS[name]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_is_what_its_name_says(name: str) -> None:
    config, steps = CONFIGS[name], name.split("+")
    if name in ("static", "pie"):
        return
    assert config.ldflags == ("-s -w" if "strip" in steps else "")
    assert config.linkmode == ("external" if "external" in steps else "")
    assert config.cgo is (False if "trim" in steps else None)
    assert config.tags == (TAGS if "trim-tags" in steps else ())
    assert config.trimpath


def test_static_is_linked_externally_and_pie_is_a_mode() -> None:
    assert CONFIGS["static"].arguments()[1:] == [
        "-trimpath",
        "-ldflags=-linkmode=external -extldflags=-static",
    ]
    assert CONFIGS["pie"].arguments()[1:] == ["-trimpath", "-buildmode=pie"]


@pytest.mark.parametrize(
    "name",
    ["", "stripp", "strip+", "+strip", "strip+strip", "trim+trim-tags", "pie+strip", "Strip"],
)
def test_an_unknown_name_lists_the_choices_in_one_sentence(name: str) -> None:
    with pytest.raises(LabError) as caught:
        find_config(name)
    message = str(caught.value)
    assert "\n" not in message
    assert repr(name) in message
    for known in CONFIGS:
        assert known in message
