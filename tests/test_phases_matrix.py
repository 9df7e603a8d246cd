"""Phases of real programs: every program and way of linking, users, refusals, and bad input.

By default a sample (`SAMPLE`) that CI can afford; all of matrix/cases.py for three releases with

    GOLAB_MATRIX=all pytest tests/test_phases_matrix.py

Only what a start must look like is checked, never how long anything takes.
"""

import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import WriteProgram
from matrix.builds import build_cases
from matrix.cases import Case, case, whole

from labhelpers.build import Binary, build
from labhelpers.perf import PerfRefused
from labhelpers.programs import find_program
from labhelpers.startup.phases import Phases, measure_phases
from labhelpers.startup.rounds import Launch
from labhelpers.startup.spawn import Command, LaunchFailed
from labhelpers.startup.stamps import NEIGHBOURS, Stamped, stretches
from labhelpers.startup.watch import RESERVE, Watch
from labhelpers.toolchain import ARTICLE, Toolchain, current, find_c_compiler

MIDDLE = "1.26.6"
RELEASES = (current(), MIDDLE, ARTICLE)
SAMPLE = [
    case(release, program, config)
    for release, program, config in [
        (current(), "empty", "default"),
        (current(), "hello", "strip"),
        (current(), "hello", "static"),
        (current(), "hello", "pie"),
        (current(), "hello", "pie+strip"),
        (current(), "cgocall", "strip"),
        (current(), "netuser", "default"),
        (current(), "netuser", "trim"),
        (current(), "httpd", "strip+external"),
        (ARTICLE, "hello", "default"),
        (ARTICLE, "hello", "strip"),
        (ARTICLE, "empty", "pie"),
        (ARTICLE, "cgocall", "default"),
        (MIDDLE, "hello", "default"),
        (MIDDLE, "hello", "strip"),
    ]
]
CASES = (
    [own for own in whole() if own.release in RELEASES]
    if os.environ.get("GOLAB_MATRIX") == "all"
    else SAMPLE
)
ROUNDS = 6
GO_PHASES = [
    *("spawn to exec", "exec to Go entry", "Go entry to runtime.main"),
    *("runtime.main to main.main", "main.main to exit", "exit to reaped"),
]
SERVER_PHASES = [*GO_PHASES[:4], "main.main to first answer"]
NOBODY = 65534


@pytest.fixture(scope="session")
def files() -> dict[Case, Binary]:
    return build_cases(CASES)


@pytest.fixture(scope="module", params=CASES, ids=str)
def measured(request: pytest.FixtureRequest, files: dict[Case, Binary]) -> Phases:
    """Return the phases of one case; pytest runs all tests of it before it goes on."""
    try:
        Watch([0x1000]).close()
    except PerfRefused as error:
        pytest.skip(f"no breakpoints on this machine: {error}")
    own: Case = request.param
    if own not in files:
        pytest.skip("there is no C compiler that this case needs")
    return phases(command_of(own, files[own].path))


def command_of(own: Case, path: Path | None) -> Command:
    assert path
    return Command(own.program, (str(path),), server=own.program == "httpd")


def phases(command: Command, **options: Any) -> Phases:  # noqa: ANN401
    (found,) = measure_phases([command], rounds=ROUNDS, seed=1, **options)
    return found


def stamped(found: Phases, kind: str) -> Iterator[tuple[Launch, Mapping[str, int]]]:
    """Yield the launches of one kind with their stamps, which none may lack."""
    for launch in found.launches:
        if launch.command == found.command + kind:
            assert isinstance(launch.timing, Stamped)
            assert launch.timing.stamps
            yield launch, launch.timing.stamps


def test_every_phase_of_a_go_start_is_told_in_order(measured: Phases) -> None:
    assert measured.method == "breakpoints"
    expected = SERVER_PHASES if measured.command == "httpd" else GO_PHASES
    assert [phase.name for phase in measured.phases] == expected
    assert all(phase.median_us > 0 for phase in measured.phases)
    for phase in measured.phases:
        low, high = phase.ci95_us
        assert low <= phase.median_us <= high


def test_the_phases_of_each_launch_sum_to_its_time(measured: Phases) -> None:
    found = list(stamped(measured, " (watched)"))
    assert len(found) == ROUNDS
    for launch, stamps in found:
        lengths = stretches(stamps)
        assert sum(lengths.values()) == launch.start_ns
        assert min(lengths.values()) >= 0


def test_every_launch_is_explained_by_known_phases(measured: Phases) -> None:
    for launch, stamps in stamped(measured, " (watched)"):
        known = sum(ns for pair, ns in stretches(stamps).items() if pair in NEIGHBOURS)
        assert known >= 0.95 * launch.start_ns


def test_nobody_watches_the_plain_launches(measured: Phases) -> None:
    plain = [launch for launch in measured.launches if launch.command == measured.command]
    assert len(plain) == measured.rounds
    for launch in plain:
        assert isinstance(launch.timing, Stamped)
        assert launch.timing.stamps is None
        assert launch.timing.exec_ns is None


def test_watched_launches_have_the_kernels_stamps(measured: Phases) -> None:
    for launch, _ in stamped(measured, " (watched)"):
        own = launch.timing
        assert own.exec_ns is not None
        assert own.exit_ns is not None
        assert own.first_thread_ns is not None
        assert 0 < own.exec_ns < own.first_thread_ns < own.exit_ns < own.wall_ns


def test_time_to_main_is_that_of_the_stamps(measured: Phases) -> None:
    assert measured.time_to_main
    times = sorted(stamps["main.main"] for _, stamps in stamped(measured, " (watched)"))
    low, high = measured.time_to_main.ci95_ms
    assert times[0] <= round(low * 1e6) <= round(high * 1e6) <= times[-1]


def test_page_faults_fall_where_memory_is_set_up(measured: Phases) -> None:
    faults = {phase.name: phase.faults for phase in measured.phases}
    assert faults["spawn to exec"] == 0
    assert all(count is not None for count in faults.values())
    assert (faults["Go entry to runtime.main"] or 0) > 20
    assert (faults["runtime.main to main.main"] or 0) > 5


def test_a_dynamic_program_has_its_loader_between_exec_and_entry(
    measured: Phases, request: pytest.FixtureRequest
) -> None:
    """A loader and a C library take page faults of their own; a static Go program's entry has
    only its first page."""
    own: Case = request.node.callspec.params["measured"]
    (faults,) = [p.faults for p in measured.phases if p.name == "exec to Go entry"]
    assert faults is not None
    has_loader = own.expected.loader or own.expected.verdict == "static with libc"
    assert (faults > 5) == (has_loader or own.expected.verdict == "static PIE")


def test_memory_is_told_as_it_is(measured: Phases) -> None:
    assert measured.resident
    assert measured.resident.upper_bound == (measured.resident.method == "wait4")
    assert measured.resident.kib > 500


# Users and refusals: each in a process of its own, which is denied something for good.


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """Return a folder that every user may enter; pytest's own are for one user alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def commands(open_folder: Path, current_go: Toolchain) -> list[tuple[str, list[str], bool]]:
    """Return a static, a movable and a serving program where every user may start them."""
    found = []
    for program, config in (("hello", "trim"), ("hello", "pie"), ("httpd", "trim")):
        binary = build(find_program(program), case(current(), program, config).config, current_go)
        assert binary.path
        file = open_folder / f"{program}-{config}"
        file.write_bytes(binary.path.read_bytes())
        file.chmod(0o755)
        found.append((file.name, [str(file)], program == "httpd"))
    return found


@pytest.fixture
def denied(
    open_folder: Path, commands: list[tuple[str, list[str], bool]], _perf_events: None
) -> Any:  # noqa: ANN401
    """Return a function that measures in a process to which something is denied."""

    def measure(error: str = "", **request: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        file = open_folder / "request.json"
        cache = open_folder / "cache"
        cache.mkdir(exist_ok=True)
        cache.chmod(0o777)
        file.write_text(json.dumps({"commands": commands, "cache": str(cache), **request}))
        child = Path(__file__).with_name("phases_child.py")
        done = subprocess.run([sys.executable, child, file], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        if error:
            assert error in answer["error"]
            return []
        assert "error" not in answer, answer
        assert answer["uid"] == request.get("uid", os.getuid())
        found: list[dict[str, Any]] = answer["found"]
        return found

    return measure


def names(found: Mapping[str, Any]) -> list[str]:
    return [phase["name"] for phase in found["phases"]]


def check_sums(found: Mapping[str, Any]) -> None:
    """Check in JSON, too, that the stamps of each launch end where its time does."""
    counted = 0
    for launch in found["launches"]:
        if stamps := launch.get("stamps"):
            times = list(stamps.values())
            assert times == sorted(times)
            assert times[-1] == launch["ready_ns"] or times[-1] == launch["wall_ns"]
            counted += 1
    assert counted >= ROUNDS


def test_an_unprivileged_user_sees_the_same_phases(denied: Any) -> None:  # noqa: ANN401
    if os.getuid():
        pytest.skip("only root can become another user; these tests run as one already")
    for found in denied(uid=NOBODY):
        assert found["method"] == "breakpoints"
        assert names(found) == (
            SERVER_PHASES if found["command"].startswith("httpd") else GO_PHASES
        )
        assert not found["resident"]["upper_bound"] or find_c_compiler() is None
        check_sums(found)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.EPERM, "security policy"),
        (errno.EACCES, "perf_event_paranoid"),
        (errno.ENOSYS, "no perf events"),
    ],
)
def test_where_perf_is_refused_the_parents_clock_is_used(
    denied: Any,  # noqa: ANN401
    error: int,
    words: str,
) -> None:
    for found in denied(refuse={"perf_event_open": error}):
        check_parents_clock(found)
        (note,) = found["notes"]
        assert words in note
        assert "parent's own clock" in note


def check_parents_clock(found: Mapping[str, Any]) -> None:
    server = found["command"].startswith("httpd")
    assert found["method"] == "spawn"
    assert names(found) == [
        "spawn to exec",
        *(["exec to first answer"] if server else ["exec to first byte", "first byte to reaped"]),
    ]
    assert found["time_to_main_us"] is None
    assert all(phase["faults"] is None for phase in found["phases"])
    assert all(launch["exec_ns"] is None for launch in found["launches"])
    check_sums(found)


def test_an_unprivileged_user_without_perf(denied: Any) -> None:  # noqa: ANN401
    if os.getuid():
        pytest.skip("only root can become another user; these tests run as one already")
    for found in denied(uid=NOBODY, refuse={"perf_event_open": errno.EACCES}):
        check_parents_clock(found)


def test_where_the_layout_cannot_be_fixed_a_pie_has_the_kernels_stamps_only(
    denied: Any,  # noqa: ANN401
) -> None:
    static, movable, _ = denied(refuse={"personality": errno.EPERM})
    assert static["method"] == "breakpoints"
    assert movable["method"] == "events"
    assert "randomisation cannot be switched off" in " ".join(movable["notes"])
    assert movable["explained"] < 0.95


@pytest.mark.parametrize("taken", [4, 1])
def test_where_breakpoints_are_taken_the_kernels_stamps_remain(
    denied: Any,  # noqa: ANN401
    taken: int,
) -> None:
    for found in denied(taken=taken):
        assert found["method"] == "events"
        assert "breakpoints are taken" in " ".join(found["notes"])
        assert names(found)[:2] == ["spawn to exec", "exec to first thread"]
        assert found["time_to_main_us"] is None
        check_sums(found)


def test_where_no_memory_for_rings_is_left_the_parents_clock_is_used(
    denied: Any,  # noqa: ANN401
) -> None:
    if os.getuid():
        pytest.skip("only root can become a user who has used up nothing as yet")
    for found in denied(uid=NOBODY, rings=True):
        check_parents_clock(found)
        assert "perf_event_mlock_kb" in " ".join(found["notes"])


def test_where_too_few_files_may_be_opened_less_is_watched(denied: Any) -> None:  # noqa: ANN401
    """A machine with many processors needs a ring and four breakpoints for each."""
    denied(files=2, error="ulimit -n")
    for found in denied(files=12):
        check_parents_clock(found)
        assert "ulimit -n" in " ".join(found["notes"])
    for found in denied(files=RESERVE + 2 + 2 * len(os.sched_getaffinity(0))):
        assert found["method"] == "events"
        assert "ulimit -n" in " ".join(found["notes"])
        check_sums(found)


# Programs that are not what one expects.


def go_program(folder: Path, text: str, chain: Toolchain, config: str = "trim") -> Command:
    source = folder / "source"
    source.mkdir()
    (source / "go.mod").write_text("module odd\n\ngo 1.21\n")
    (source / "main.go").write_text(text)
    binary = build(find_program(source), case(current(), "hello", config).config, chain)
    assert binary.path, binary.log
    return Command("odd", (str(binary.path),))


HUNDRED = """package main

import (
	"runtime"
	"sync"
)

func main() {
	var ready, done sync.WaitGroup
	block := make(chan bool)
	for range 100 {
		ready.Add(1)
		done.Add(1)
		go func() {
			runtime.LockOSThread()
			ready.Done()
			<-block
			done.Done()
		}()
	}
	ready.Wait()
	close(block)
	done.Wait()
}
"""


@pytest.mark.usefixtures("_perf_events")
def test_a_program_with_a_hundred_threads(tmp_path: Path, current_go: Toolchain) -> None:
    text = HUNDRED.replace("for range 100 ", "for i := 0; i < 100; i++ ")
    found = phases(go_program(tmp_path, text, current_go))
    assert [phase.name for phase in found.phases] == GO_PHASES
    for launch, stamps in stamped(found, " (watched)"):
        assert sum(stretches(stamps).values()) == launch.start_ns


@pytest.mark.usefixtures("_perf_events")
def test_a_program_that_takes_its_time_has_it_in_main(
    tmp_path: Path, current_go: Toolchain
) -> None:
    text = 'package main\n\nimport "time"\n\nfunc main() { time.Sleep(200 * time.Millisecond) }\n'
    found = phases(go_program(tmp_path, text, current_go))
    lengths = {phase.name: phase.median_us for phase in found.phases}
    assert lengths["main.main to exit"] > 200_000
    assert lengths["main.main to exit"] > 0.5 * sum(lengths.values())


@pytest.mark.usefixtures("_perf_events")
def test_a_program_that_starts_another_is_timed_itself(
    tmp_path: Path, current_go: Toolchain
) -> None:
    """The children's execs, threads and exits are not the program's own."""
    text = (
        'package main\n\nimport "os/exec"\n\nfunc main() {\n'
        '\tfor i := 0; i < 3; i++ {\n\t\tif exec.Command("/bin/true").Run() != nil {\n'
        "\t\t\tpanic(1)\n\t\t}\n\t}\n}\n"
    )
    found = phases(go_program(tmp_path, text, current_go))
    assert [phase.name for phase in found.phases] == GO_PHASES


@pytest.mark.usefixtures("_perf_events")
def test_a_program_that_becomes_another_by_exec(current_go: Toolchain) -> None:
    """The shell is the file that was named; hello's marks are not looked for, and none are told."""
    hello = build(find_program("hello"), case(current(), "hello", "trim").config, current_go).path
    found = phases(Command("sh", ("/bin/sh", "-c", f"exec {hello}")))
    told = [phase.name for phase in found.phases]
    assert "exec again" in " ".join(told)
    assert "main.main" not in " ".join(told)
    assert found.explained < 0.95


@pytest.mark.usefixtures("_perf_events")
def test_a_script(program: WriteProgram) -> None:
    found = phases(Command("script", (str(program("script", "#!/bin/sh\necho x\n")),)))
    assert found.method == "events"
    assert found.time_to_main is None
    assert any("No function can be watched" in note for note in found.notes)


@pytest.mark.usefixtures("_perf_events")
def test_a_static_c_program(tmp_path: Path) -> None:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    source, file = tmp_path / "c.c", tmp_path / "c"
    source.write_text("int main(void) { return 0; }\n")
    command = [*compiler.static_command, "-static", "-o", str(file), str(source)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no static C library")
    found = phases(Command("c", (str(file),)))
    assert [phase.name for phase in found.phases] == [
        *("spawn to exec", "exec to main", "main to exit", "exit to reaped"),
    ]
    assert found.time_to_main


def without_names(raw: bytes) -> bytes:
    """Return a Go program whose section of functions has another name."""
    assert raw.count(b".gopclntab\0") == 1
    return raw.replace(b".gopclntab\0", b".xxxxxxxxx\0")


def without_sections(raw: bytes) -> bytes:
    """Return a program without section headers: e_shoff, e_shnum and e_shstrndx (elf(5)) are 0."""
    return raw[:40] + bytes(8) + raw[48:58] + raw[58:60] + bytes(4) + raw[64:]


def without_functions(raw: bytes) -> bytes:
    """Return a program whose functions have other names, as obfuscators give them."""
    for name in (b"runtime.rt0_go", b"runtime.main", b"main.main", b"runtime.exit"):
        assert b"\0" + name in raw
        for end in (b"\0", b".abi0\0"):
            raw = raw.replace(b"\0" + name + end, b"\0" + b"x" * len(name) + end)
    return raw


@pytest.fixture
def changed(tmp_path: Path, current_go: Toolchain) -> Callable[..., Command]:
    """Return a function that changes the stripped hello's bytes, without which it still runs."""

    def command(change: Callable[[bytes], bytes]) -> Command:
        binary = build(find_program("hello"), case(current(), "hello", "strip").config, current_go)
        assert binary.path
        file = tmp_path / "bare"
        file.write_bytes(change(binary.path.read_bytes()))
        file.chmod(0o755)
        return Command("bare", (str(file),))

    return command


@pytest.mark.usefixtures("_perf_events")
@pytest.mark.parametrize("change", [without_names, without_sections])
def test_a_stripped_go_program_whose_function_table_has_no_name_is_told_all_the_same(
    changed: Callable[..., Command], change: Callable[[bytes], bytes]
) -> None:
    found = phases(changed(change))
    assert [phase.name for phase in found.phases] == GO_PHASES


@pytest.mark.usefixtures("_perf_events")
def test_a_go_program_whose_functions_cannot_be_found(changed: Callable[..., Command]) -> None:
    found = phases(changed(without_functions))
    assert found.method == "events"
    assert found.time_to_main is None
    assert any("function" in note for note in found.notes)


@pytest.mark.parametrize("method", [None, "events", "spawn"])
def test_a_program_that_dies_by_a_signal(program: WriteProgram, method: str | None) -> None:
    file = program("victim", "#!/bin/sh\nkill -11 $$\n")
    with pytest.raises(LaunchFailed, match="victim was ended by signal 11"):
        phases(Command("victim", (str(file),)), method=method)


@pytest.mark.parametrize("method", [None, "events", "spawn"])
def test_a_program_that_does_not_end_in_time(method: str | None) -> None:
    with pytest.raises(LaunchFailed, match=r"sleep did not end within 0.3 s"):
        phases(Command("sleep", ("/bin/sleep", "600")), timeout=0.3, method=method)
