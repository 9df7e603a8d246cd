"""What starts ask of mmap(2): our tracer beside strace, and beside what Go is known to do."""

import re
import shutil
import sys
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.mmapcalls import FOLDER, Answer, Asker, Kernel, Limits
from labhelpers.experiments.mmapcost import KINDS, Cost
from labhelpers.experiments.mmapstarts import (
    MAP_FIXED,
    Request,
    amount,
    cannot_watch,
    raised_frame,
    start_maps,
    watch,
    within_own,
)
from labhelpers.programs import find_program
from labhelpers.show.mmap_figures import LOOKS, address_line, answer_chart, cost_bars
from labhelpers.toolchain import Toolchain

mpl.use("Agg")

LIMITS = Limits(65536, 65536)
ARENA = 0xC000000000


@pytest.fixture(scope="module")
def work(current_go: Toolchain) -> Iterator[CFolder]:
    with CFolder(FOLDER, current_go) as folder:
        if why := cannot_watch(folder):
            pytest.skip(why)
        yield folder


def request(
    address: int, flags: int = 0x22, result: int | None = None, length: int = 4096
) -> Request:
    return Request(1, address, length, 3, flags, -1, address if result is None else result)


def test_the_tracer_sees_what_strace_sees(work: CFolder) -> None:
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not on this machine")
    # One thread, nothing at random but addresses: the same calls each time.
    command = [sys.executable, "-I", "-S", "-c", "pass"]
    ours = watch(work, command)
    told = work.run(strace, "-f", "-e", "trace=mmap", *command)
    theirs = re.findall(r"mmap\((?:NULL|0x\w+), (\d+), .*, (-?\d+), \w+\) = 0x", told.errors)
    assert [(own.length, own.file) for own in ours] == [(int(a), int(b)) for a, b in theirs]


def test_calls_of_threads_and_children_count(work: CFolder) -> None:
    code = "import threading, os, mmap; t = threading.Thread(target=mmap.mmap, args=(-1, 1 << 20))"
    code += "; t.start(); t.join(); os.fork() or mmap.mmap(-1, 1 << 21)"
    calls = watch(work, [sys.executable, "-c", code])
    by_length = {call.length: call.thread for call in calls if call.file == -1}
    assert {1 << 20, 1 << 21} <= set(by_length)
    assert len({by_length[1 << 20], by_length[1 << 21], calls[0].thread}) == 3


def test_how_a_traced_program_ends_is_told(work: CFolder) -> None:
    with pytest.raises(LabError, match="ended with 3"):
        watch(work, ["sh", "-c", "exit 3"])
    with pytest.raises(LabError, match="ended with 137"):
        watch(work, ["sh", "-c", "kill -9 $$"])
    with pytest.raises(LabError, match="No such file"):
        watch(work, ["no-such-program"])


def test_go_asks_for_its_arena_and_for_nothing_below(work: CFolder, current_go: Toolchain) -> None:
    binary = build(find_program("hello"), find_config("trim"), current_go)
    calls = watch(work, [str(binary.path)])
    found = start_maps("hello", [calls], LIMITS)
    assert found.hints >= 1
    # Hints of the heap are whole arenas of 64 MB (runtime/malloc.go, heapArenaBytes).
    assert found.lowest_hint % (64 << 20) == 0
    assert (found.below, found.refused) == (0, 0)
    assert found.own == found.orders > 0


def test_calls_are_told_apart() -> None:
    starts = [
        request(0, result=ARENA, length=8192),
        request(ARENA, 0x22 | MAP_FIXED),
        request(4096, result=65536),
        request(0, 0x22 | MAP_FIXED, result=-1),
    ]
    found = start_maps("made up", [starts], LIMITS)
    assert (found.calls, found.anywhere, found.hints, found.orders) == (4, 1, 1, 2)
    assert (found.lowest_hint, found.lowest_order) == (4096, 0)
    assert (found.own, found.below, found.refused, found.moved) == (1, 2, 1, 1)


def test_an_order_beyond_what_was_given_is_not_its_own() -> None:
    given = request(0, result=ARENA, length=4096)
    beyond = request(ARENA, MAP_FIXED, length=3 * 4096)
    assert within_own([given, beyond]) == 0
    assert within_own([beyond, given]) == 0


def test_numbers_are_those_of_one_start() -> None:
    one = [request(0, result=ARENA), request(ARENA)]
    assert start_maps("twice", [one, one], LIMITS).calls == 2


@pytest.mark.parametrize(
    ("limit", "words"),
    [(65536, "64 KB"), ((4 << 20) + 4096, "4 MB + 4 KB"), (1 << 46, "64 TB"), (0, "0")],
)
def test_limits_in_words(limit: int, words: str) -> None:
    assert amount(limit) == words


def test_raised_limits_are_a_table_of_programs() -> None:
    rows = [
        {"program": "a", "limit": 1 << 16, "ended": "exit 0", "moved": 1},
        {"program": "a", "limit": 1 << 22, "ended": "SIGSEGV", "moved": 0},
        {"program": "b", "limit": 1 << 16, "ended": "exit 0", "moved": 2},
        {"program": "b", "limit": 1 << 22, "ended": "exit 0", "moved": 0},
    ]
    table = raised_frame(rows)
    assert list(table.columns) == ["64 KB", "4 MB"]
    assert list(table.loc["a"]) == ["runs, 1 hint moved", "SIGSEGV"]
    assert list(table.loc["b"]) == ["runs, 2 hints moved", "runs"]


def test_every_answer_is_drawn_and_the_limit_stands_between() -> None:
    kernel = Kernel("6.1", Limits(4096, 65536), [Asker("nobody", "6.1", 1, False, 4096, "")], [])
    places = {0: ("EPERM", ""), 4096: ("", "there"), 65536: ("", "there")}
    kernel.answers.extend(Answer("nobody", "fixed", at, *answer) for at, answer in places.items())
    kernel.answers.append(Answer("nobody", "hint", 4096, "", "lifted"))
    (panel,) = answer_chart([kernel]).axes
    drawn = [line.get_marker() for line in panel.lines if np.size(line.get_xdata()) == 1]
    marks = [LOOKS[place][0] for place in ("error", "there", "there", "lifted")]
    assert sorted(map(str, drawn)) == sorted(marks)
    (edge,) = [line for line in panel.lines if line.get_linestyle() == "--"]
    assert np.asarray(edge.get_xdata()).tolist() == [0.5, 0.5]


def test_costs_are_bars_in_order() -> None:
    rows = [Cost("too-low", 300, 290, 310), Cost("anywhere", 5000, 4900, 5100)]
    (panel,) = cost_bars(rows).axes
    assert [t.get_text() for t in panel.get_yticklabels()] == [KINDS["too-low"], KINDS["anywhere"]]
    widths = [bar.get_width() for bar in panel.patches if isinstance(bar, Rectangle)]
    assert widths == [300, 5000]


def test_programs_stand_on_one_line_of_addresses() -> None:
    rows = [
        {"program": "go", "lowest_hint": ARENA, "lowest_order": ARENA},
        {"program": "python", "lowest_hint": 0, "lowest_order": 1 << 46},
    ]
    (panel,) = address_line(rows, 65536).axes
    assert [text.get_text() for text in panel.get_yticklabels()] == ["go", "python"]
    at = [line.get_xdata()[0] for line in panel.lines if line.get_marker() in ("o", "D")]  # type: ignore[index]
    assert at[:2] == [ARENA, ARENA]
    assert at[3] == 1 << 46
    assert at[2] != at[2]  # no hint, no point
