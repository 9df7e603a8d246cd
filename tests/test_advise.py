"""`golab advise` on real programs: the answer, and everything that can go wrong with a program."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.advice.advise import WITHOUT_CGO, Question, advise
from labhelpers.advice.answer import Advice
from labhelpers.advice.document import advice_document, load_advice
from labhelpers.configs import find_config
from labhelpers.errors import LabError, Stopped
from labhelpers.programs import Program, find_program
from labhelpers.startup.spawn import LaunchFailed
from labhelpers.startup.until import FirstByte, tcp
from labhelpers.study import BASELINE, TWIN
from labhelpers.toolchain import toolchain

MODES = """package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

// What users' programs do to whoever starts them: one argument chooses.
func main() {
	mode := "print"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "print":
		fmt.Println("ready")
	case "listen":
		listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		time.Sleep(time.Minute)
		listener.Close()
	case "write":
		if _, err := os.Stat("state"); err == nil {
			os.Exit(4)
		}
		os.WriteFile("state", []byte("x"), 0o666)
	case "usage":
		fmt.Fprintln(os.Stderr, "usage: it FILE")
		os.Exit(2)
	case "wait":
		time.Sleep(time.Minute)
	case "flag":
		if _, err := os.Stat("settings"); err != nil {
			os.Exit(5)
		}
	}
}
"""


def program(folder: Path, **files: str) -> Program:
    """Write a user's module; keyword `main_go` is the file main.go."""
    folder.mkdir(exist_ok=True)
    (folder / "go.mod").write_text("module example.com/it\n\ngo 1.21\n")
    for name, text in files.items():
        (folder / name.replace("_go", ".go")).write_text(text)
    return Program("it", folder)


@pytest.fixture(scope="module")
def modes(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return program(tmp_path_factory.mktemp("modes") / "it", main_go=MODES)


def question(own: Program, *arguments: str) -> Question:
    return Question(own, toolchain(), arguments=arguments, rounds=12, seed=1, caches=("warm",))


@pytest.fixture(autouse=True, scope="module")
def _own_starts() -> Iterator[None]:
    """Let what is started here be told from what other tests start meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOLAB_TESTS", str(os.getpid()))
        yield


def running() -> list[str]:
    """Return the processes that some start of these tests has left."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                variables = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            started = any(variable.startswith(b"GOLAB_START=") for variable in variables)
            if started and f"GOLAB_TESTS={os.getpid()}".encode() in variables:
                found.append(folder.name)
    return found


def test_what_is_left_would_be_seen(modes: Program) -> None:
    seen: list[str] = []
    looking = threading.Event()

    def look() -> None:
        while not seen and not looking.wait(0.01):
            seen.extend(running())

    thread = threading.Thread(target=look)
    thread.start()
    with pytest.raises(LaunchFailed, match="did not end within"):
        advise(replace(question(modes, "wait"), timeout=1.0))
    looking.set()
    thread.join()
    assert seen


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def hello() -> Advice:
    asked = replace(question(find_program("hello")), caches=("warm", "cold"), package="hello")
    return advise(asked)


def test_every_way_of_building_gets_an_answer(hello: Advice) -> None:
    assert [step.step for step in hello.steps] == list(WITHOUT_CGO[1:])
    assert [binary.config for binary in hello.binaries] == list(WITHOUT_CGO)
    assert hello.until == "to its exit"
    for step in hello.steps:
        if step.step == "strip+external+trim":
            assert step.answer == "does not build"
            assert "the two steps exclude each other" in step.sentence
        else:
            assert step.answer in ("helps", "harms", "mixed", "not resolved")
            assert step.warm
            assert step.cold
            assert step.bytes
            assert step.sentence.startswith("Warm starts")


def test_every_start_is_kept(hello: Advice) -> None:
    started = {BASELINE, TWIN, *(s.step for s in hello.steps if s.bytes)}
    for launches in hello.launches.values():
        assert len(launches) == 12 * len(started)
        assert {launch.command for launch in launches} == started


def test_a_recommendation_is_resolved_or_it_is_the_default(hello: Advice) -> None:
    own = hello.recommended
    if own.config == BASELINE:
        assert own.command == "go build -trimpath -o hello ."
        assert not own.ratios
    else:
        assert "faster" in {found.verdict for found in own.ratios.values()}


def test_the_document_goes_there_and_back(hello: Advice) -> None:
    document = json.loads(json.dumps(advice_document(hello), allow_nan=False))
    assert json.loads(json.dumps(advice_document(load_advice(document)))) == document
    assert document["schema"] == "golab/advise/1"
    with pytest.raises(LabError, match="must be golab/advise/1"):
        load_advice({"schema": "golab/measure/1"})


SLOW = '//go:build cgo\n\npackage main\n\nimport "time"\n\nfunc init() { time.Sleep(80e6) }\n'


def test_a_step_that_really_helps_is_recommended(tmp_path: Path) -> None:
    own = program(tmp_path / "it", main_go=MODES, slow_go=SLOW)
    before = state_of(own.folder)
    found = advise(question(own))
    assert find_config(found.recommended.config).cgo is False
    assert found.recommended.command.startswith("CGO_ENABLED=0 go build -trimpath ")
    assert found.recommended.ratios["warm"].verdict == "faster"
    answers = {step.step: step.answer for step in found.steps}
    assert answers["trim"] == "helps"
    assert answers["strip"] != "helps"
    assert state_of(own.folder) == before


BROKEN = '//go:build !cgo\n\npackage main\n\nfunc init() { panic("error: needs C") }\n'


def test_a_build_that_does_not_start_is_said_and_not_recommended(tmp_path: Path) -> None:
    found = advise(question(program(tmp_path / "it", main_go=MODES, broken_go=BROKEN)))
    trim = next(step for step in found.steps if step.step == "trim")
    assert trim.answer == "does not start"
    assert "needs C" in trim.sentence
    assert find_config(found.recommended.config).cgo is not False


def test_a_start_ends_at_the_first_byte_or_at_an_open_port(modes: Program) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    found = advise(replace(question(modes, "listen", port), until=tcp(port)))
    assert found.until == f"until 127.0.0.1:{port} accepts a connection"
    assert all(launch.timing.ready_ns for launch in found.launches["warm"])
    assert not running()
    first = advise(replace(question(modes), until=FirstByte()))
    assert all(launch.timing.ready_ns for launch in first.launches["warm"])


def test_each_start_finds_the_folder_as_it_was(modes: Program, tmp_path: Path) -> None:
    assert advise(question(modes, "write")).rounds == 12
    (tmp_path / "settings").write_text("x")
    assert advise(replace(question(modes, "flag"), folder=tmp_path)).rounds == 12
    assert [path.name for path in tmp_path.iterdir()] == ["settings"]


def test_what_cannot_be_started_says_why(modes: Program) -> None:
    with pytest.raises(LaunchFailed, match=r"^it exited with status 2, saying “usage: it FILE”"):
        advise(question(modes, "usage"))
    with pytest.raises(LaunchFailed, match=r"^it did not end within 0\.5 s.*--ready-tcp"):
        advise(replace(question(modes, "wait"), timeout=0.5))
    with pytest.raises(LaunchFailed, match=r"^it was not ready within 0\.5 s"):
        advise(replace(question(modes, "wait"), timeout=0.5, until=tcp("1")))
    assert not running()


def test_a_taken_port_is_named(modes: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with pytest.raises(LabError, match=f"Port {port} of 127.0.0.1 is taken"):
            advise(replace(question(modes, "listen", port), until=tcp(port)))
        with pytest.raises(LaunchFailed, match=r"saying “error: listen tcp .*address already in"):
            advise(question(modes, "listen", port))


def test_a_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"library|no main package|not a main"):
        advise(question(program(tmp_path / "it", main_go="package it\n")))


def test_what_does_not_compile_is_quoted(tmp_path: Path) -> None:
    own = program(tmp_path / "it", main_go="package main\n\nfunc main() { x() }\n")
    with pytest.raises(LabError, match=r"it does not build: .*main\.go:3:15: undefined: x"):
        advise(question(own))


def test_too_few_rounds_are_refused(modes: Program) -> None:
    with pytest.raises(LabError, match="take at least 12"):
        advise(replace(question(modes), rounds=11))


@pytest.fixture
def stop_soon() -> Iterator[threading.Event]:
    stop = threading.Event()
    yield stop
    stop.set()


def test_a_stop_ends_builds_and_starts_and_leaves_nothing(
    modes: Program, stop_soon: threading.Event
) -> None:
    asked = replace(question(modes), rounds=100_000)

    def progress(stage: str, more: int, whole: int) -> None:
        if stage == "start":
            stop_soon.set()

    begin = time.monotonic()
    with pytest.raises(Stopped):
        advise(asked, progress, stop_soon)
    assert time.monotonic() - begin < 60
    assert not running()
    with pytest.raises(Stopped):
        advise(asked, progress, stop_soon)
