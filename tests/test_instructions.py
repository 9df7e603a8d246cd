"""Instructions followed one by one: against the disassembler, Valgrind's cache and inittrace."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.codemap import read_code
from labhelpers.experiments.icache import LINE, PLACES, SETS, cache_misses
from labhelpers.experiments.inlinedstarts import against_default, timed
from labhelpers.experiments.instructions import (
    DEFAULT,
    WAYS,
    count_start,
    gains,
    init_costs,
    start_of,
    without_repeats,
)
from labhelpers.experiments.opcodes import KINDS, kind, kinds
from labhelpers.experiments.staticinit import made
from labhelpers.experiments.traces import (
    first_thread,
    step,
    step_seconds,
    stepping_impossible,
    translate,
    valgrind_missing,
)
from labhelpers.programs import find_program
from labhelpers.runtime.inittrace import run_inittrace
from labhelpers.startup.spawn import Command
from labhelpers.toolchain import Toolchain

steps = pytest.mark.skipif(bool(stepping_impossible()), reason="no program can be stepped here")
valgrind = pytest.mark.skipif(bool(valgrind_missing()), reason="there is no Valgrind here")

START = "golab/startpath/fixed.Start"
SERVE = "golab/startpath/fixed.Serve"


def startpath(go: Toolchain, way: int = 0) -> Path:
    path = made(find_program("startpath"), WAYS[way], go).path
    assert path
    return path


def disassembled(go: Toolchain, path: Path, functions: str) -> dict[int, tuple[bytes, str]]:
    """Return what `go tool objdump` says: bytes and mnemonic of each instruction by its address."""
    done = subprocess.run(
        [go.go, "tool", "objdump", "-s", functions, path],
        env=go.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    rows = re.findall(r"(?m)^  \S+\t+0x([0-9a-f]+)\t+([0-9a-f]+)\t+(\w+.*)$", done.stdout)
    return {int(at, 16): (bytes.fromhex(code), text.strip()) for at, code, text in rows}


def test_kinds_are_those_of_the_disassembler(current_go: Toolchain) -> None:
    rows = disassembled(current_go, startpath(current_go), "^runtime.(mallocgc|schedinit|gcenable)")
    assert len(rows) > 300
    jumps = {"conditional branch": 0, "call": 0, "return": 0, "jump": 0, "push or pop": 0}
    for code, text in rows.values():
        name = text.split()[0]
        found = kind(code + b"\x90" * 8)
        if name == "CALL":
            assert found in ("call", "indirect call"), text
        elif name == "RET":
            assert found == "return", text
        elif name == "JMP":
            assert found == "jump", text
        elif name.startswith("J"):
            assert found == "conditional branch", text
        elif name in ("PUSHQ", "POPQ"):
            assert found == "push or pop", text
        else:
            assert found == "other", text
        if found in jumps:
            jumps[found] += 1
    assert all(jumps.values())


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("ff d0", "indirect call"),
        ("41 ff 14 24", "indirect call"),
        ("ff 25 00 00 00 00", "jump"),
        ("f3 c3", "return"),
        ("c9", "push or pop"),
        ("f3 0f 1e fa", "other"),
    ],
)
def test_kinds_that_go_does_not_use(code: str, found: str) -> None:
    assert kind(bytes.fromhex(code)) == found


@steps
@pytest.mark.parametrize("way", [0, 1, 2])
def test_stepping_follows_the_code(current_go: Toolchain, way: int) -> None:
    path = startpath(current_go, way)
    code = read_code(path)
    passed = step(path, code.start(START), code.start(SERVE))
    assert passed[0] == code.start(START)
    assert passed[-1] == code.start(SERVE)
    listed = disassembled(current_go, path, "^golab/startpath/fixed|^runtime.morestack")
    assert set(passed.tolist()) <= set(listed)
    # One after the other, but where the disassembler sees a jump, a call or a return.
    for at, after in zip(passed[:-1].tolist(), passed[1:].tolist(), strict=True):
        content, text = listed[at]
        assert after == at + len(content) or text[0] == "J" or text[:4] in ("CALL", "RET")
    calls = kinds(path, passed)["call"]
    assert calls == (1 if way == 0 else 4)


@steps
def test_a_function_is_stepped_to_its_return(current_go: Toolchain) -> None:
    path = startpath(current_go)
    code = read_code(path)
    passed = step(path, code.start(START))
    assert code.names[int(code.whose(passed)[-1])] == "main.main"
    inside = {code.names[int(i)] for i in code.whose(passed[:-1])}
    assert inside == {START, SERVE}


@steps
@valgrind
def test_both_ways_see_the_same_path(current_go: Toolchain) -> None:
    path = startpath(current_go, 2)
    code = read_code(path)
    stepped = step(path, code.start(START), code.start(SERVE))
    whole = translate(path)
    first = int(np.flatnonzero(whole == code.start(START))[0])
    assert whole[first : first + len(stepped)].tolist() == stepped.tolist()


@steps
def test_what_is_not_reached_is_said(current_go: Toolchain) -> None:
    path = startpath(current_go)
    code = read_code(path)
    with pytest.raises(LabError, match=r"startpath was not stepped: the program ended before"):
        step(path, code.start("runtime.debugCallV2"))
    with pytest.raises(LabError, match="no end within 10 instructions"):
        step(path, until=code.start(START), most=10)
    with pytest.raises(LabError, match="There is no function nosuch in this file"):
        code.start("nosuch")


@steps
def test_a_step_takes_time(current_go: Toolchain) -> None:
    assert step_seconds(startpath(current_go), 200) > 0


def test_only_the_first_thread_counts() -> None:
    log = (
        b"==7== Lackey\n"
        b"--7--   SCHED[1]:  acquired lock (thread)\nI  00401000,5\n S 1ffe,8\nI  00401005,1\n"
        b"--7--   SCHED[1]: releasing lock (VG_(client_syscall)[async]) -> VgTs_WaitSys\n"
        b"--7--   SCHED[2]:  acquired lock (thread)\nI  00402000,5\n"
        b"--7--   SCHED[1]:  acquired lock (again)\nI  00401006,2\n"
    )
    assert first_thread(log).tolist() == [0x401000, 0x401005, 0x401006]


def test_repeats_are_one_instruction() -> None:
    assert without_repeats(np.array([1, 2, 2, 2, 3, 2])).tolist() == [1, 2, 3, 2]


def test_a_cache_of_eight_ways() -> None:
    ways = np.arange(PLACES + 1) * LINE * SETS
    assert cache_misses(np.array([0, 8, 63, 64, 0])) == 2
    assert cache_misses(np.tile(ways[:-1], 3)) == PLACES
    # One line more than there are places, in turn, and each is gone when it comes again.
    assert cache_misses(np.tile(ways, 3)) == 3 * len(ways)


@valgrind
def test_the_cache_is_that_of_cachegrind(current_go: Toolchain) -> None:
    with CFolder("startpath-c", current_go) as folder:
        if folder.impossible:
            pytest.skip(folder.impossible)
        assert folder.cc("-O2", "-static", "-no-pie", "-o", "environment", "environment.c").ok
        path = folder.file("environment")
        cache = f"--I1={LINE * SETS * PLACES},{PLACES},{LINE}"
        words = ["--tool=cachegrind", "--cache-sim=yes", cache, "--cachegrind-out-file=/dev/null"]
        said = subprocess.run(
            ["valgrind", *words, path],
            env={"PATH": os.environ["PATH"]},  # a C library's start reads its environment
            capture_output=True,
            text=True,
        ).stderr
        addresses = translate(path)
    misses, run = (
        int(found[1].replace(",", ""))
        for name in (r"I1 +misses", r"I +refs")
        if (found := re.search(rf"{name}: +([\d,]+)", said))
    )
    assert len(addresses) == run
    assert cache_misses(addresses) == pytest.approx(misses, rel=0.03)


@valgrind
def test_a_start_is_divided_without_rest(current_go: Toolchain) -> None:
    path = made(find_program("hello"), WAYS[1], current_go).path
    assert path
    row = count_start(path, "hello", current_go.release, "-l")
    parts = row.boot + row.runtime_inits + row.between + row.inits
    assert parts == row.instructions
    assert min(row.boot, row.runtime_inits, row.between, row.inits) > 0
    assert 0 < row.branches + row.calls < row.instructions
    _, addresses = start_of(path)
    costs = init_costs(read_code(path), addresses)
    # Go's own trace names the same packages, in the same order.
    traced = [own.package for own in run_inittrace(Command("hello", (str(path),)))]
    assert [own.package for own in costs] == traced
    assert [own.runtime for own in costs] == sorted((own.runtime for own in costs), reverse=True)
    assert costs[0].runtime
    assert not costs[-1].runtime


@valgrind
def test_what_a_start_runs_more_without_inlining(current_go: Toolchain) -> None:
    default, other = (made(find_program("empty"), way, current_go).path for way in WAYS[:2])
    assert default
    assert other
    rows = gains(default, other, most=5)
    assert len(rows) == 7
    assert rows[0].more >= rows[1].more >= rows[4].more > 0
    assert all(row.more == row.other - row.default for row in rows)
    assert {row.whose for row in rows[:5]} == {"the runtime"}
    assert [row.whose for row in rows[5:]] == ["the runtime", "all others"]
    # Nothing is left out: the rows make up a start, give or take what threads wait.
    _, addresses = start_of(default)
    assert sum(row.default for row in rows) == pytest.approx(len(addresses), rel=0.4)


def test_ratios_of_starts() -> None:
    base = {"program": "p", "go": "g", "way": DEFAULT.name}
    rows = [
        {**base, "instructions": 100, "boot": 50, "misses": 10},
        {**base, "instructions": 120, "boot": 60, "misses": 10},
        {**base, "way": "-l", "instructions": 220, "boot": 90, "misses": 15},
    ]
    first, second = against_default(rows)
    assert (first.ratio, first.low, first.high) == (1.0, 1.0, 1.0)
    assert (second.instructions, second.ratio, second.boot_ratio) == (220, 2.0, 1.636)
    assert (second.low, second.high, second.miss_ratio) == (1.5, 1.8, 1.5)


def test_starts_in_time(current_go: Toolchain) -> None:
    rows = timed(find_program("empty"), current_go, rounds=8, ways=WAYS[:2])
    assert [row.way for row in rows] == ["default", "-l"]
    assert rows[0].verdict == "baseline"
    assert rows[1].low <= rows[1].ratio <= rows[1].high


def test_every_kind_is_counted(current_go: Toolchain) -> None:
    path = startpath(current_go)
    code = read_code(path)
    counted = kinds(path, np.array([code.start(START), 1, -5]))
    assert set(counted) == set(KINDS)
    assert sum(counted.values()) == 3
