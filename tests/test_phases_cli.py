"""`golab phases`, `golab init` and the time to main of `golab measure`, as people type them."""

from pathlib import Path
from typing import Any

import pytest
from test_cli import document, golab, refused

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.startup.stamps import Stamped
from labhelpers.toolchain import Toolchain

FEW = ("--rounds", "6")
LAUNCH = {"round", "position", "command", "wall_ns", *Stamped.__slots__}


@pytest.fixture(scope="module")
def hello(current_go: Toolchain) -> str:
    return str(build(find_program("hello"), find_config("strip"), current_go).path)


@pytest.mark.usefixtures("_perf_events")
def test_phases_have_the_fields_that_others_rely_on(hello: str) -> None:
    found: Any = document(golab("phases", hello, *FEW, "--json", "-"))
    assert found["schema"] == "golab/phases/1"
    assert found["command"] == hello
    assert found["method"] == "breakpoints"
    assert [phase["name"] for phase in found["phases"]] == [
        *("spawn to exec", "exec to Go entry", "Go entry to runtime.main"),
        *("runtime.main to main.main", "main.main to exit", "exit to reaped"),
    ]
    for phase in found["phases"]:
        low, high = phase["ci95_us"]
        assert 0 < low <= phase["median_us"] <= high
    assert found["wall_median_us"] > 0
    assert found["explained"] == pytest.approx(1)
    assert all(set(launch) >= LAUNCH for launch in found["launches"])


def test_the_parents_clock_can_be_asked_for(hello: str) -> None:
    said = golab("phases", hello, *FEW, "--method", "spawn")
    assert said.returncode == 0, said.stderr
    assert "exec to first byte" in said.stdout
    assert "the parent's clock" in said.stdout


def test_pages_are_written_once(hello: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = golab("phases", hello, *FEW, "--html", page)
    assert done.returncode == 0, done.stderr
    assert "<svg" in page.read_text()
    before = page.read_bytes()
    assert "there already" in refused(golab("phases", hello, *FEW, "--html", page))
    assert page.read_bytes() == before
    done = golab("init", "hello", *FEW, "--html", page, "--force")
    assert done.returncode == 0, done.stderr
    assert "mallocinit" in page.read_text()


def test_init_has_the_fields_that_others_rely_on() -> None:
    found: Any = document(golab("init", "hello", "--gomaxprocs", "3", *FEW, "--json", "-"))
    assert found["schema"] == "golab/init/1"
    assert (found["program"], found["gomaxprocs"]) == ("hello", 3)
    assert {"function", "step", "median_ns", "source", "what"} <= set(found["steps"][0])
    assert {"mallocinit", "procresize", "gcenable"} <= {step["step"] for step in found["steps"]}
    low, high = found["overhead"]["ci95"]
    assert low <= found["overhead"]["ratio"] <= high


@pytest.mark.usefixtures("_perf_events")
def test_measure_tells_the_time_to_main_beside_the_start(hello: str) -> None:
    found: Any = document(golab("measure", hello, f"{hello} x", *FEW, "--json", "-"))
    assert [own["command"] for own in found["time_to_main"]["estimates"]] == found["commands"]
    assert len(found["time_to_main"]["comparisons"]) == len(found["comparisons"]) == 1
    without: Any = document(golab("measure", hello, *FEW, "--no-main", "--json", "-"))
    assert without["time_to_main"]["estimates"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("phases", "false"), "exited with status 1"),
        (("phases", "sleep 30", "--timeout", "0.2"), "did not end within 0.2 s"),
        (("phases", "sh -c 'kill -9 $$'"), "ended by signal 9"),
        (("phases", "nosuch"), "no executable program 'nosuch'"),
        (("phases", "true", "--method", "guess"), "no method 'guess'"),
        (("phases", "true", "--rounds", "3"), "at least 6"),
        (("phases", "true", "--cache", "warm,cold"), "one cache state"),
        (("init", "nosuch"), "no program named 'nosuch'"),
        (("init", "hello", "--rounds", "3"), "at least 6"),
        (("init", "hello", "--args", "'"), "check its quotes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    assert said in refused(golab(*words))
