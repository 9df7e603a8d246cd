"""A start of which everything is known, under each instrument."""

from pathlib import Path

import pytest

from labhelpers.build import BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.experiments.edits import changed
from labhelpers.experiments.instruments import (
    INSTRUMENTS,
    NEEDED,
    PLAIN,
    View,
    Watched,
    runtime_main_us,
    samples,
    trace_of,
    views,
    waiting_ms,
    watch,
    watched_start,
)
from labhelpers.programs import find_program
from labhelpers.runtime.inittrace import read_inittrace
from labhelpers.toolchain import Toolchain, toolchain

BY_NAME = {own.name: own for own in INSTRUMENTS}


@pytest.fixture(scope="module")
def tracedmain(current_go: Toolchain) -> Path:
    path = build(find_program("tracedmain"), BuildConfig(cgo=False), current_go).path
    assert path
    return path


@pytest.fixture(scope="module")
def needed(current_go: Toolchain) -> Path:
    program = changed(find_program("tracedmain"), NEEDED)
    path = build(program, BuildConfig(cgo=False), current_go).path
    assert path
    return path


@pytest.fixture(scope="module")
def starts(tracedmain: Path, needed: Path) -> list[Watched]:
    return watch(tracedmain, needed, rounds=6)


@pytest.fixture(scope="module")
def seen(starts: list[Watched], current_go: Toolchain) -> dict[str, View]:
    rows = views(starts, current_go, toolchain("article"))
    return {row.instrument: row for row in rows}


def test_every_instrument_watches_once_a_round_in_no_fixed_order(starts: list[Watched]) -> None:
    count = len(INSTRUMENTS)
    rounds = [[s.instrument for s in starts[i : i + count]] for i in range(0, 6 * count, count)]
    assert all(sorted(own) == sorted(BY_NAME) for own in rounds)
    assert len({tuple(own) for own in rounds}) > 1


def test_stamps_lie_within_the_start_in_the_order_of_the_inits(starts: list[Watched]) -> None:
    for start in starts:
        times = list(start.stamps.values())
        assert times == sorted(times)
        assert 0 < times[0] < times[-1] < start.wall_us
        assert start.stamps["tables ends"] - start.stamps["tables begins"] >= 2000
        assert start.stamps["pool ends"] - start.stamps["pool begins"] >= 2000


def test_what_is_switched_on_in_main_sees_no_init(seen: dict[str, View]) -> None:
    for name in ("trace from main", "CPU profile from main"):
        assert seen[name].share < 10
        assert seen[name].tables is None
        assert seen[name].pool is None
    assert seen[PLAIN.name].share == 0


def test_inittrace_sees_both_slow_inits(seen: dict[str, View]) -> None:
    own = seen["inittrace"]
    assert own.tables is not None
    assert own.pool is not None
    assert min(own.tables, own.pool) >= 2
    assert own.share > seen["trace from init"].share


def test_a_trace_sees_what_comes_after_it_and_names_only_what_waits(seen: dict[str, View]) -> None:
    early, first = seen["trace from init"], seen["trace from an init needed by all"]
    for own in (early, first, seen["flight recorder from init"]):
        assert own.pool is not None
        assert own.pool >= 2
        assert own.tables is None
    assert first.share > early.share


def test_inittrace_s_clock_begins_before_main_and_after_the_spawn(starts: list[Watched]) -> None:
    for start in starts:
        if start.instrument == "inittrace":
            zero = runtime_main_us(start, read_inittrace(start.written.decode()))
            assert 0 < zero < start.stamps["first init of ours"]


def test_the_flight_recorder_needs_go_1_25() -> None:
    article = toolchain("article")
    old = build(find_program("tracedmain"), BuildConfig(cgo=False), article).path
    assert old
    with pytest.raises(LabError, match=r"flight recorder came with Go 1\.25"):
        watched_start(old, BY_NAME["flight recorder from init"])


def test_samples_of_a_long_start_are_counted(current_go: Toolchain) -> None:
    edits = {
        "tables/tables.go": {
            "clock.Now() + 2e6": "clock.Now() + 300e6",
            'import "golab/tracedmain/clock"': 'import (\n\t"golab/tracedmain/clock"\n\t'
            '_ "golab/tracedmain/cpu"\n)',
        }
    }
    program = changed(find_program("tracedmain"), edits)
    path = build(program, BuildConfig(cgo=False), current_go).path
    assert path
    start = watched_start(path, BY_NAME["CPU profile from init"])
    one = samples([start.written], toolchain("article"))
    assert one >= 2
    assert samples([start.written] * 2, toolchain("article")) == 2 * one


def test_what_is_no_profile_is_refused() -> None:
    with pytest.raises(LabError, match="cannot read a profile"):
        samples([b"hello"], toolchain("article"))


def test_what_is_no_trace_is_refused(starts: list[Watched], current_go: Toolchain) -> None:
    with pytest.raises(LabError, match="is no execution trace"):
        trace_of(next(s for s in starts if s.instrument == "inittrace"), current_go)


def test_waiting_in_a_function_that_never_waits(
    starts: list[Watched], current_go: Toolchain
) -> None:
    trace = trace_of(next(s for s in starts if s.instrument == "trace from init"), current_go)
    assert waiting_ms(trace, "no.such") is None


def test_too_few_rounds(tracedmain: Path) -> None:
    with pytest.raises(LabError, match="5 rounds give no interval"):
        watch(tracedmain, tracedmain, rounds=5)
