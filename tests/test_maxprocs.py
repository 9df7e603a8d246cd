import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.maxprocs import Calls, calls, last_cache_bytes, memory, no_cache_misses
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain, toolchain


@pytest.fixture(scope="module")
def called(current_go: Toolchain) -> Table[Calls]:
    return calls([toolchain("article"), current_go], (1, 8, 64), rounds=8)


def rows(called: Table[Calls], time: str, asked: int) -> list[Calls]:
    return [row for row in called if (row.time, row.asked) == (time, asked)]


def test_asking_for_what_is_there_does_nothing(called: Table[Calls]) -> None:
    for row in rows(called, "first", 1):
        assert (row.before, row.bytes, row.caches, row.stops) == (1, 0, 0, 0)


def test_a_first_call_makes_what_a_second_finds(called: Table[Calls]) -> None:
    for first, second in zip(rows(called, "first", 64), rows(called, "second", 64), strict=True):
        assert (first.before, second.before) == (1, 1)
        assert first.objects > 63
        assert (second.bytes, second.objects) == (0, 0)
        assert first.caches == second.caches > 0
        assert first.faults > second.faults
        assert second.high_us < first.low_us


def test_what_is_given_up_goes_back(called: Table[Calls]) -> None:
    up = [row for row in called if row.time == "given up again" and row.before == 64]
    assert [row.caches for row in up] == [-row.caches for row in rows(called, "first", 64)]


def test_the_collector_has_no_part_in_it(called: Table[Calls]) -> None:
    assert {(row.cycles, row.pauses) for row in called} == {(0, 0)}
    assert {row.stops for row in rows(called, "first", 8)} == {1}


def test_a_p_takes_whole_size_classes(called: Table[Calls]) -> None:
    old, new = memory(called)
    assert (old.heap, old.cache, old.straight) == (9472, 1200, True)
    assert new.heap % 128 == 0
    assert new.heap >= old.heap
    assert new.straight


def test_one_size_is_no_growth(called: Table[Calls]) -> None:
    with pytest.raises(LabError, match=r"ask Go 1\.22\.10 for two"):
        memory([row for row in called if row.asked == 8])


def test_a_touched_heap_spares_faults(called: Table[Calls], current_go: Toolchain) -> None:
    touched = calls([current_go], (64,), touch=True, rounds=6)[0]
    fresh = next(row for row in rows(called, "first", 64) if row.go == current_go.release)
    assert touched.faults < fresh.faults / 2
    assert (touched.asked, touched.time, touched.cycles) == (64, "first", 0)


def test_the_number_from_outside_is_where_it_begins(current_go: Toolchain) -> None:
    first = calls([current_go], (4,), before=2, rounds=6)[0]
    assert (first.before, first.asked) == (2, 4)


def test_cache_misses_are_not_promised() -> None:
    assert no_cache_misses().endswith(".")
    size = last_cache_bytes()
    assert size is None or size >= 1 << 16
