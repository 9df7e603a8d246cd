"""From what was seen to phases: only what is certain becomes a stamp."""

from hypothesis import given
from hypothesis import strategies as st

from labhelpers.startup.spawn import Command, Mark, Observed, Timing
from labhelpers.startup.stamps import ORDER, faults_between, stamps_of, stretches
from labhelpers.startup.watch import Seen

GO = {name: Mark(0x1000 + i) for i, name in enumerate(("Go entry", "runtime.main", "main.main"))}
HELLO = Command("hello", ("hello",), environment={})


def observed(seen: Seen | None, wall: int = 900, ready: int | None = None) -> Observed:
    timing = Timing(wall, ready, 0, 0, 0, 0, 0, 0)
    return Observed(timing, 100, 160, 500 if seen is None else None, seen)


def seen(**changes: object) -> Seen:
    hits = {0x1000: 300, 0x1001: 400, 0x1002: 600}
    return Seen(**{"execs": [200], "threads": [420], "exit": 800, "hits": hits, **changes})  # type: ignore[arg-type]


def test_a_whole_start_is_cut_at_every_mark() -> None:
    stamps = stamps_of(observed(seen()), HELLO, GO)
    assert stamps == {
        **{"spawn": 0, "exec": 100, "Go entry": 200, "runtime.main": 300, "main.main": 500},
        **{"exit": 700, "reaped": 900},
    }
    assert sum(stretches(stamps).values()) == 900


def test_without_marks_the_first_thread_is_one() -> None:
    stamps = stamps_of(observed(seen()), HELLO, {})
    assert list(stamps) == ["spawn", "exec", "first thread", "exit", "reaped"]


def test_without_the_kernel_the_parents_clock_remains() -> None:
    stamps = stamps_of(observed(None), HELLO, GO)
    assert stamps == {"spawn": 0, "exec": 60, "first byte": 400, "reaped": 900}


def test_a_server_ends_at_its_first_answer() -> None:
    stamps = stamps_of(observed(seen(), ready=850), HELLO, GO)
    assert list(stamps)[-2:] == ["main.main", "first answer"]
    assert stamps["first answer"] == 850


def test_marks_count_only_until_another_program_takes_over() -> None:
    again = seen(execs=[200, 350])
    stamps = stamps_of(observed(again), HELLO, GO)
    assert list(stamps) == ["spawn", "exec", "Go entry", "exec again", "exit", "reaped"]


def test_dropped_records_and_contradictions_give_nothing() -> None:
    assert stamps_of(observed(seen(complete=False)), HELLO, GO) == {}
    assert stamps_of(observed(seen(execs=[])), HELLO, GO) == {}
    backwards = seen(hits={0x1000: 400, 0x1001: 300})
    assert stamps_of(observed(backwards), HELLO, GO) == {}


@given(
    st.lists(st.integers(0, 10**9), min_size=2, max_size=len(ORDER)).map(sorted),
    st.lists(st.integers(0, 10**9), max_size=50),
)
def test_phases_sum_to_the_whole_and_hold_every_fault(times: list[int], faults: list[int]) -> None:
    stamps = dict(zip(ORDER, times, strict=False))
    assert sum(stretches(stamps).values()) == times[-1] - times[0]
    inside = [fault for fault in faults if times[0] <= fault < times[-1]]
    assert sum(faults_between(faults, stamps).values()) == len(inside)
