"""The kernel's stamps and the time to main, on programs that say themselves when main began."""

import subprocess
from pathlib import Path

import pytest
from conftest import WriteProgram

from labhelpers.build import build
from labhelpers.ccompiler import find_c_compiler
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.startup.marks import locate, read_marks, with_main
from labhelpers.startup.measure import measure
from labhelpers.startup.phases import measure_phases
from labhelpers.startup.spawn import Command, launch, observe
from labhelpers.startup.watch import Watch
from labhelpers.toolchain import Toolchain

pytestmark = pytest.mark.usefixtures("_perf_events")

CLOCK = r"""
#include <stdio.h>
#include <time.h>
int main(int count, char **words) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  FILE *file = fopen(words[1], "w");
  fprintf(file, "%lld", now.tv_sec * 1000000000LL + now.tv_nsec);
  return fclose(file);
}
"""


def compiled(folder: Path, text: str, *switches: str) -> Path:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    (folder / "program.c").write_text(text)
    subprocess.run(
        [*compiler.command, *switches, "-o", str(folder / "program"), str(folder / "program.c")],
        check=True,
        capture_output=True,
    )
    return folder / "program"


@pytest.mark.parametrize("switches", [(), ("-static",), ("-no-pie",)], ids=str)
def test_the_program_itself_reads_the_same_clock(tmp_path: Path, switches: tuple[str, ...]) -> None:
    file = compiled(tmp_path, CLOCK, *switches)
    command = Command("clock", (str(file), str(tmp_path / "now")))
    marked, why = with_main(command, 10)
    assert marked, why
    assert marked.main
    for _ in range(20):
        with Watch([marked.main.address]) as watch:
            seen = observe(marked, 10, watch=watch)
        timing = seen.timing
        told = int((tmp_path / "now").read_text()) - seen.begin_ns
        assert timing.exec_ns is not None
        assert timing.main_ns is not None
        assert timing.exit_ns is not None
        assert 0 < timing.exec_ns < timing.main_ns < told < timing.exit_ns < timing.wall_ns


def test_every_watched_start_has_the_kernels_stamps(current_go: Toolchain) -> None:
    hello = build(find_program("hello"), find_config("default"), current_go)
    command = Command("hello", (str(hello.path),))
    for _ in range(20):
        with Watch() as watch:
            own = observe(command, 10, watch=watch).timing
        assert own.exec_ns is not None
        assert own.first_thread_ns is not None
        assert own.exit_ns is not None
        assert 0 < own.exec_ns < own.first_thread_ns < own.exit_ns < own.wall_ns
        assert own.main_ns is None


def test_nobody_watches_a_start_whose_wall_time_counts(current_go: Toolchain) -> None:
    hello = build(find_program("hello"), find_config("default"), current_go)
    own = launch(Command("hello", (str(hello.path),)), 10)
    assert (own.exec_ns, own.first_thread_ns, own.exit_ns, own.main_ns) == (None,) * 4


@pytest.mark.parametrize("config", ["default", "strip", "pie", "static", "strip+external"])
def test_marks_of_a_file_are_the_same_with_and_without_symbols(
    current_go: Toolchain, config: str
) -> None:
    binary = build(find_program("cgocall"), find_config(config), current_go)
    if binary.path is None:
        pytest.skip(f"{config} does not build here")
    marks = read_marks(binary.path)
    assert list(marks.addresses) == ["Go entry", "runtime.main", "main.main", "exit"]
    assert marks.go
    assert marks.movable == (config == "pie")
    assert not marks.notes
    if "strip" not in config:
        assert marks.addresses.items() >= listed_by_nm(current_go, binary.path).items()


def listed_by_nm(go: Toolchain, file: Path) -> dict[str, int]:
    """Return the addresses that `go tool nm` gives for the functions that are marks."""
    told = subprocess.run([str(go.go), "tool", "nm", str(file)], capture_output=True, text=True)
    rows = [line.split() for line in told.stdout.splitlines()]
    found = {row[2]: int(row[0], 16) for row in rows if len(row) == 3 and row[1] in "tT"}
    assert {"runtime.main", "main.main"} <= found.keys()
    return {name: found[name] for name in ("runtime.main", "main.main")}


def test_a_script_has_no_main_and_says_so(program: WriteProgram) -> None:
    script = Command("script", (str(program("script", "#!/bin/sh\ntrue\n")),))
    marked, why = with_main(script, 10)
    assert marked is None
    assert "script" in why


def test_measure_has_the_time_to_main_beside_the_wall_time(current_go: Toolchain) -> None:
    hello = build(find_program("hello"), find_config("default"), current_go)
    commands = [Command("a", (str(hello.path),)), Command("b", (str(hello.path),))]
    own = measure(commands, 12, 1, main=True)
    assert [e.command for e in own.to_main.estimates] == ["a", "b"]
    assert [c.candidate for c in own.to_main.comparisons] == ["b"]
    assert len(own.to_main.launches) == len(own.launches) == 36
    assert all(x.timing.main_ns is None for x in own.launches)
    for launched in own.to_main.launches:
        assert launched.timing.main_ns is not None
        assert launched.timing.main_ns < launched.timing.wall_ns
    without = measure(commands, 6, 1)
    assert not without.to_main.launches


def test_a_command_without_main_stands_beside_one_with_it(
    current_go: Toolchain, program: WriteProgram
) -> None:
    hello = build(find_program("hello"), find_config("default"), current_go)
    script = program("script", "#!/bin/sh\ntrue\n")
    commands = [Command("script", (str(script),)), Command("hello", (str(hello.path),))]
    own = measure(commands, 8, 1, main=True)
    assert [e.command for e in own.to_main.estimates] == ["hello"]
    assert not own.to_main.comparisons
    assert "script" in own.to_main.notes[0]
    assert len(own.comparisons) == 1


@pytest.mark.parametrize("method", ["breakpoints", "events", "spawn"])
def test_phases_of_every_launch_sum_to_its_time(current_go: Toolchain, method: str) -> None:
    hello = build(find_program("hello"), find_config("default"), current_go)
    [own] = measure_phases([Command("hello", (str(hello.path),))], 8, 1, method=method)  # type: ignore[arg-type]
    assert own.method == method
    for launched in own.launches:
        stamps = launched.timing.stamps  # type: ignore[attr-defined]
        if stamps:
            assert (stamps["spawn"], stamps["reaped"]) == (0, launched.timing.wall_ns)
    assert (own.time_to_main is not None) == (method == "breakpoints")
    assert sum(phase.faults or 0 for phase in own.phases) > 0 or method == "spawn"
    assert own.as_dict()["phases"][0]["name"] == "spawn to exec"


def test_a_pie_is_found_where_the_kernel_put_it(current_go: Toolchain) -> None:
    pie = build(find_program("hello"), find_config("pie"), current_go)
    located = locate(Command("pie", (str(pie.path),)), 10)
    in_file = read_marks(pie.path).addresses if pie.path else {}
    bases = {mark.address - in_file[name] for name, mark in located.marks.items()}
    assert len(bases) == 1
    assert bases.pop() % 4096 == 0
    assert all(mark.fixed for mark in located.marks.values())
