"""Execution traces as tables: made by real programs of several releases, and hostile text."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labhelpers.build import BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.programs import Program
from labhelpers.runtime.exectrace import ExecTrace, TraceEvent, parse_events, read_exectrace
from labhelpers.toolchain import Toolchain, toolchain

SOURCE = r"""package main

import (
	"context"
	"os"
	"runtime"
	"runtime/trace"
	"time"
)

func main() {
	trace.Start(os.Stderr)
	defer trace.Stop()
	ctx, task := trace.NewTask(context.Background(), "a \"task\"\nof ours")
	defer task.End()
	trace.Log(ctx, "stage", "é\x81 \\ done")
	trace.WithRegion(ctx, "collect", runtime.GC)
	done := make(chan bool)
	go func() { close(done) }()
	<-done
	time.Sleep(2 * time.Millisecond)
}
"""


@pytest.fixture(scope="module", params=["1.21.13", "article", "1.25.5", "current"])
def made_by(request: pytest.FixtureRequest) -> str:
    return toolchain(request.param).release


@pytest.fixture(scope="module")
def trace_file(made_by: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traced")
    (folder / "go.mod").write_text("module golab/traced\n\ngo 1.21\n")
    (folder / "main.go").write_text(SOURCE)
    binary = build(Program("traced", folder), BuildConfig(cgo=False), toolchain(made_by))
    assert binary.path, binary.log
    file = folder / "trace.out"
    with file.open("wb") as stream:
        subprocess.run([binary.path], stderr=stream, check=True)
    return file


@pytest.fixture(scope="module")
def read(trace_file: Path, current_go: Toolchain) -> ExecTrace:
    return read_exectrace(trace_file, current_go)


def test_every_kind_of_event_of_a_real_trace(read: ExecTrace) -> None:
    kinds = read.kinds()
    assert {"StateTransition", "Metric", "RangeBegin", "Log", "RegionBegin"} <= set(kinds)
    (log,) = (event for event in read.events if event.kind == "Log")
    assert (log.name, log.text) == ("stage", "é\x81 \\ done")
    assert log.goroutine == 1
    assert log.stack[-1] == "main.main"
    (task,) = (event for event in read.events if event.kind == "TaskBegin")
    assert task.name == 'a "task"\nof ours'
    assert any(event.name.startswith("GC concurrent") for event in read.events)


def test_changes_of_state(read: ExecTrace) -> None:
    sleeps = [event for event in read.events if event.text == "Running->Waiting sleep"]
    assert [event.name for event in sleeps] == ["goroutine 1"]
    assert any(event.text.startswith("NotExist->Runnable") for event in read.events)


def test_times_go_up_and_span_the_sleep(read: ExecTrace) -> None:
    own = [event.time_ns for event in read.events]
    assert own == sorted(own)
    begin, end = read.window_ns
    assert end - begin >= 2_000_000


def test_newer_traces_tell_the_monotonic_clock(read: ExecTrace, made_by: str) -> None:
    newer = tuple(map(int, made_by.split("."))) >= (1, 25)
    assert (read.to_monotonic_ns is not None) == newer


def test_a_file_that_is_no_trace(tmp_path: Path, current_go: Toolchain) -> None:
    for content in (b"", b"hello\n", b"go 1.22 trace\x00\x00\x00garbage" * 9):
        (tmp_path / "trace.out").write_bytes(content)
        with pytest.raises(LabError, match=r"trace\.out is no execution trace that Go 1\.\d+"):
            read_exectrace(tmp_path / "trace.out", current_go)


def test_a_trace_with_a_line_of_the_programs_own(trace_file: Path, current_go: Toolchain) -> None:
    mixed = trace_file.with_name("mixed.out")
    mixed.write_bytes(b"2026/01/01 listening\n" + trace_file.read_bytes())
    with pytest.raises(LabError, match=r"mixed\.out is no execution trace"):
        read_exectrace(mixed, current_go)


SAMPLE = """M=-1 P=-1 G=-1 Sync Time=100 N=1 Trace=120 Mono=150 Wall=2026-11-23T17:45:36.55837838Z
M=9 P=0 G=-1 StateTransition Time=110 GoID=1 Undetermined->Running Reason=""
M=9 P=0 G=1 Metric Time=120 Name="/sched/gomaxprocs:threads" Value=Value{Uint64(2)}
Stack=
	runtime.main @ 0x46c103
		runtime/proc.go:282
	main.main.func1 @ 0x46c103
		a b.go:282

M=9 P=0 G=1 RangeEnd Time=130 Name="stop" Scope=Goroutine(1) Attributes=["x"=Value{Uint64(2)}]
M=9 P=0 G=1 StateTransition Time=140 ProcID=3 Running->Idle Reason="x\\"y"
TransitionStack=
	a @ 0x1
		f:1

Stack=
	b @ 0x2
		f:1

M=9 P=0 G=1 Experimental Time=141 Name=span Args=[a=b]
M=9 P=0 G=1 Label Time=150 Label="GC (idle)" Resource=Goroutine(11)
"""


def test_the_text_line_by_line() -> None:
    events = list(parse_events(SAMPLE.split("\n")))
    assert [event.kind for event in events] == [
        *("Sync", "StateTransition", "Metric", "RangeEnd", "StateTransition", "Experimental"),
        "Label",
    ]
    assert events[2] == TraceEvent(
        *(120, "Metric", 1, 0, 9, "/sched/gomaxprocs:threads", "Value{Uint64(2)}"),
        ("runtime.main", "main.main.func1"),
    )
    assert (events[4].name, events[4].text) == ("processor 3", 'Running->Idle x"y')
    assert events[4].stack == ("b",)


def test_a_frame_may_have_no_name() -> None:
    text = SAMPLE.replace("\ta @ 0x1", "\t @ 0x1")
    assert text != SAMPLE
    assert len(list(parse_events(text.split("\n")))) == len(list(parse_events(SAMPLE.split("\n"))))


@pytest.mark.parametrize(
    "line",
    [
        "M=1 P=0",
        "SCHED 0ms",
        "\tframe @ 0x1",
        "Stack=",
        "M=1 P=0 G=1 Log Time=1 Task=0 Category=stage Message=unquoted",
        'M=1 P=0 G=1 StateTransition Time=1 Something=1 A->B Reason=""',
        "M=1 P=0 G=1 Sync Time=1 N=x",
        "M=1 P=0 G=1 Metric Time=" + "9" * 30 + ' Name="x" Value=1',
    ],
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(LabError, match=r"^Line 1 is not as go tool trace"):
        list(parse_events([line]))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(SAMPLE.split("\n")), st.integers(0, 120), st.text(max_size=4)),
        max_size=8,
    )
)
def test_hostile_text_gives_events_or_names_the_line(lines: list[tuple[str, int, str]]) -> None:
    text = [line[:cut] + put + line[cut:] for line, cut, put in lines]
    try:
        events = list(parse_events(text))
    except LabError as error:
        number = int(re.search(r"Line (\d+)", str(error))[1])  # type: ignore[index]
        assert 1 <= number <= len(text)
    else:
        for event in events:
            event.text.encode()
            event.name.encode()
            assert event.kind.isascii()
            assert event.kind.isalpha()
