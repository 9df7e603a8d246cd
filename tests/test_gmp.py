import pytest

from labhelpers.experiments.gmp import counters, dying_words, snapshot
from labhelpers.toolchain import toolchain

RELEASES = ["article", "current"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_program_counts_its_own(release: str) -> None:
    says = {row.counter: row.says for row in counters(toolchain(release), 3)}
    assert says["runtime.GOMAXPROCS"] == 3
    assert says["runtime.NumGoroutine"] == 1
    assert says["/proc/self/task"] >= 2
    assert says["runtime.ThreadCreateProfile"] >= 2


@pytest.mark.parametrize("release", RELEASES)
def test_dying_words_name_the_goroutines_of_the_runtime(release: str) -> None:
    rows = dying_words(toolchain(release), 2)
    by_function = {row.function: row for row in rows}
    assert {"main", "forcegchelper", "bgsweep", "bgscavenge"} <= by_function.keys()
    assert (by_function["main"].id, by_function["main"].state) == (1, "running")
    assert by_function["bgsweep"].started_by == "gcenable"
    assert all(row.purpose for row in rows)
    assert len({row.id for row in rows}) == len(rows)


@pytest.mark.parametrize("release", RELEASES)
def test_the_list_has_all_three_kinds(release: str) -> None:
    seen = snapshot(toolchain(release), 5)
    assert [processor.id for processor in seen.processors] == [0, 1, 2, 3, 4]
    threads = {thread.id: thread for thread in seen.threads}
    assert threads[0].begins_in == "rt0_go"
    assert (threads[1].begins_in, threads[1].p) == ("sysmon", None)
    assert threads[0].g == 1
    (own,) = (p for p in seen.processors if p.id == threads[0].p)
    assert (own.state, own.m) == ("running", 0)
    main = next(routine for routine in seen.routines if routine.id == 1)
    assert (main.state, main.m, main.begins_in) == ("running", 0, "main")
    waiting = {routine.waits_for for routine in seen.routines if routine.state == "waiting"}
    assert {"GC sweep wait", "GC scavenge wait"} <= waiting


def test_with_one_processor_it_is_held() -> None:
    seen = snapshot(toolchain("current"), 1)
    assert [(p.id, p.state, p.m) for p in seen.processors] == [(0, "running", 0)]
