"""The reports of the Go runtime as tables: real ones of three releases, and hostile text."""

import os
import re
import sys
from dataclasses import astuple
from pathlib import Path

import pytest
from helpers import gone
from hypothesis import given, settings
from hypothesis import strategies as st

from labhelpers.build import BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.programs import Program, find_program
from labhelpers.runtime.gctrace import GcRow, read_gctrace, run_gctrace
from labhelpers.runtime.godebug import program, run_with_godebug, with_godebug
from labhelpers.runtime.inittrace import InitRow, read_inittrace, run_inittrace
from labhelpers.runtime.schedtrace import SchedRow, read_schedtrace, run_schedtrace
from labhelpers.startup.spawn import Command
from labhelpers.toolchain import Toolchain, toolchain

RELEASES = ("1.21.13", "article", "current")
READERS = (read_inittrace, read_gctrace, read_schedtrace)

INIT = "init os @0.39 ms, 0.025 ms clock, 416 bytes, 9 allocs"
GC = (
    "gc 1 @0.012s 2%: 0.026+0.39+0.10 ms clock, 0.21+0.88/0.52/0+0.80 ms cpu, 4->5->0 MB, "
    "4 MB goal, 0 MB stacks, 0 MB globals, 8 P"
)
SCHED = (
    "SCHED 3ms: gomaxprocs=2 idleprocs=1 threads=4 spinningthreads=0 needspinning=0 "
    "idlethreads=2 runqueue=0"
)
DETAIL = f"""{SCHED} gcwaiting=false nmidlelocked=-1 stopwait=0 sysmonwait=false
  P0: status=1 schedtick=7 syscalltick=0 m=0 runqsize=2 gfreecnt=0 timerslen=0
  P1: status=9 schedtick=0 syscalltick=0 m=nil runqsize=0 gfreecnt=0 timerslen=0
  M0: p=0 curg=1 mallocing=0 throwing=0 preemptoff= locks=2 dying=0 spinning=false blocked=true \
lockedg=1
  G1: status=4(chan receive) m=0 lockedm=0
  G2: status=4098(force gc (idle)) m=nil lockedm=nil
"""


@pytest.fixture(scope="module", params=RELEASES)
def chain(request: pytest.FixtureRequest) -> Toolchain:
    return toolchain(request.param)


@pytest.fixture(scope="module")
def busy(chain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A program that fills the heap some times and then sleeps for some milliseconds."""
    folder = tmp_path_factory.mktemp("busy")
    (folder / "go.mod").write_text("module golab/busy\n\ngo 1.21\n")
    (folder / "main.go").write_text(
        "package main\n\n"
        'import (\n\t"os"\n\t"time"\n)\n\n'
        "var kept [][]byte\n\n"
        "func init() { kept = append(kept, make([]byte, 4096)) }\n\n"
        "func main() {\n\tfor range make([]int, 64) {\n\t\tkept = append(kept[:1], "
        "make([]byte, 1<<20))\n\t}\n"
        "\ttime.Sleep(20 * time.Millisecond)\n"  # a collection's line may come in parts
        '\tos.Stderr.WriteString("the program\'s own line\\n")\n\tos.Exit(3)\n}\n'
    )
    binary = build(Program("busy", folder), BuildConfig(cgo=False), chain)
    assert binary.path, binary.log
    return program(binary.path)


def test_inittrace_of_a_real_start(busy: Command) -> None:
    rows = run_inittrace(busy)
    assert {"runtime", "os", "main"} <= {row.package for row in rows}
    assert [row.at_ms for row in rows] == sorted(row.at_ms for row in rows)
    own = rows[-1]
    assert own.package == "main"
    assert own.allocs >= 1
    assert own.bytes >= 4096


def test_gctrace_of_a_real_start(busy: Command) -> None:
    rows = run_gctrace(busy)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) > 5
    assert all(row.goal_mib >= 4 and row.processors >= 1 for row in rows)
    assert not any(row.forced for row in rows)


def test_schedtrace_of_a_real_start(busy: Command) -> None:
    rows = run_schedtrace(busy)
    assert len(rows) > 3
    assert rows[0].at_ms < rows[-1].at_ms
    assert all(len(row.runqueues) == row.gomaxprocs for row in rows)


def test_scheddetail_of_a_real_start(busy: Command) -> None:
    rows = run_schedtrace(busy, detail=True)
    for row in rows:
        assert [p.id for p in row.ps] == list(range(row.gomaxprocs))
        assert {m.id for m in row.ms} >= {0, 1}
        assert any(g.id == 1 for g in row.gs)
    assert any(g.waiting == "sleep" for row in rows for g in row.gs)


def test_an_import_path_reads_as_people_write_it() -> None:
    line = "init gopkg.in/yaml%2ev3 @12 ms, 0.003 ms clock, 18446744073709551615 bytes, 0 allocs"
    assert read_inittrace(line) == [InitRow("gopkg.in/yaml.v3", 12.0, 0.003, 2**64 - 1, 0)]


def test_lines_of_the_program_itself_are_left_out() -> None:
    text = f"init done\ngc is off\nSCHEDULE\n{INIT}\n\nno newline at the end"
    assert len(read_inittrace(text)) == 1
    assert read_gctrace(text) == []
    assert read_schedtrace(text) == []


def test_gctrace_of_newer_releases() -> None:
    later = GC.replace("2%:", "2% (checking for goroutine leaks):") + " (forced)"
    first, second = read_gctrace(f"{GC}\n{later}\n")
    assert first == GcRow(1, 0.012, 2, 0.026, 0.39, 0.1, 2.41, 4, 5, 0, 4, 0, 0, 8, False)
    assert second.forced


def test_schedtrace_of_older_and_newer_releases() -> None:
    older, newer = f"{SCHED} [0 3]", f"{SCHED} [ 0 3 ] schedticks=[ 1 9 ]"
    assert read_schedtrace(older) == read_schedtrace(newer)
    assert read_schedtrace(older)[0].runqueues == (0, 3)


def test_scheddetail_line_by_line() -> None:
    (row,) = read_schedtrace(DETAIL)
    assert [astuple(p) for p in row.ps] == [(0, "running", 7, 0, 2), (1, "9", 0, None, 0)]
    assert [astuple(m) for m in row.ms] == [(0, 0, 1, False, True, 1)]
    assert [g.waiting for g in row.gs] == ["chan receive", "force gc (idle)"]
    assert [g.status for g in row.gs] == ["waiting", "4098"]


@pytest.mark.parametrize(
    ("read", "line"),
    [
        (read_inittrace, INIT.replace("clock", "cl0ck")),
        (read_inittrace, "loading... " + INIT),
        (read_inittrace, "init os @0.39 ms, 0.0"),
        (read_inittrace, INIT.replace("416", "9" * 21)),
        (read_inittrace, INIT.replace("416", "٤١٦")),
        (read_inittrace, INIT + " and more"),
        (read_gctrace, GC.replace(" MB goal", "hello\n MB goal")),
        (read_gctrace, "x" + GC),
        (read_gctrace, GC.replace("0.88/0.52", "0.88")),
        (read_schedtrace, SCHED + " [0"),
        (read_schedtrace, "x" + SCHED + " [0 0]"),
        (read_schedtrace, "  P0: status=1"),
        (read_schedtrace, DETAIL.replace("m=0 runqsize", "m=oh runqsize")),
    ],
)
def test_a_torn_line_is_named(read: object, line: str) -> None:
    with pytest.raises(LabError, match=r"^Line \d+ is no whole line of (init|gc|sched)trace"):
        read("first line\n" + line)  # type: ignore[operator]


PIECES = st.one_of(
    st.sampled_from([INIT, GC, f"{SCHED} [0 0]", *DETAIL.splitlines()]),
    st.text(max_size=30),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(PIECES, st.integers(0, 200), st.text(max_size=3)), max_size=6))
def test_hostile_text_gives_rows_or_names_the_line(lines: list[tuple[str, int, str]]) -> None:
    text = "\n".join(line[:cut] + put + line[cut:] for line, cut, put in lines)
    for read in READERS:
        try:
            rows = read(text)
        except LabError as error:
            number = int(re.search(r"Line (\d+)", str(error))[1])  # type: ignore[index]
            assert 1 <= number <= text.count("\n") + 1
        else:
            for row in rows:
                check(row)


def check(row: InitRow | GcRow | SchedRow) -> None:
    """A row holds only what the runtime can print."""
    if isinstance(row, InitRow):
        assert row.package
        assert not re.search(r"\s", row.package, re.ASCII)
        assert min(row.at_ms, row.clock_ms, row.bytes, row.allocs) >= 0
    elif isinstance(row, GcRow):
        assert min(row.stop_ms, row.mark_ms, row.stop_again_ms, row.cpu_ms, row.live_mib) >= 0
    else:
        assert row.at_ms >= 0
        assert all(isinstance(length, int) for length in row.runqueues)


def test_settings_of_the_user_stay() -> None:
    command = Command("x", ("/bin/true",), environment={"GODEBUG": "madvdontneed=1"})
    assert with_godebug(command, "inittrace=1")["GODEBUG"] == "madvdontneed=1,inittrace=1"
    assert command.environment["GODEBUG"] == "madvdontneed=1"
    empty = Command("x", ("/bin/true",), environment={"GODEBUG": ""})
    assert with_godebug(empty, "gctrace=1")["GODEBUG"] == "gctrace=1"


def test_a_program_that_is_not_gos_reports_no_init() -> None:
    with pytest.raises(LabError, match="reported no init"):
        run_inittrace(program(Path(sys.executable), "-c", "pass"))


def test_a_program_that_does_not_end_is_killed_with_what_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pid}; wait"
    with pytest.raises(LabError, match=r"did not end within 0\.5 s"):
        run_with_godebug(Command("sh", ("/bin/sh", "-c", script)), "gctrace=1", 0.5)
    assert gone(int(pid.read_text()))


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="could not be started"):
        run_inittrace(program(tmp_path / "none"))


def test_a_server_ends_with_its_standard_input(current_go: Toolchain) -> None:
    server = build(find_program("httpd"), BuildConfig(cgo=False), current_go)
    assert server.path
    assert "net/http" in {row.package for row in run_inittrace(program(server.path))}


def test_output_that_is_no_utf8(tmp_path: Path) -> None:
    script = tmp_path / "bytes.sh"
    script.write_text(f"#!/bin/sh\nprintf '\\377\\n' >&2\nprintf '%s\\n' '{INIT}' >&2\n")
    script.chmod(0o755)
    assert len(run_inittrace(program(script))) == 1
    assert os.access(script, os.X_OK)
