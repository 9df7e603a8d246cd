"""Crowds of goroutines and threads, and what the machine allows of them: small ones, for real."""

import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import atexit, crowds, handover, headroom
from labhelpers.experiments.cbuild import CFolder
from labhelpers.toolchain import toolchain


@pytest.fixture(scope="module")
def folder() -> Iterator[CFolder]:
    with CFolder("threads") as made:
        if made.impossible:
            pytest.skip(made.impossible)
        yield made


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


SMALL = {
    "proc/sys/kernel/threads-max": "9000\n",
    "proc/sys/kernel/pid_max": "32768\n",
    "proc/sys/vm/max_map_count": "65530\n",
    "proc/meminfo": "MemTotal: 2000000 kB\nMemAvailable: 1000000 kB\n",
    "proc/self/cgroup": "0::/mine\n",
    "proc/self/mountinfo": "30 24 0:26 / /cg rw - cgroup2 cgroup2 rw\n",
    "cg/mine/pids.max": "max\n",
    "cg/pids.max": "700\n",
}


def test_the_tightest_limit_comes_first_and_nothing_goes_beyond_half_of_it(tmp_path: Path) -> None:
    root = machine(tmp_path, SMALL)
    rows = headroom.limits(root)
    assert (rows[0].limit, rows[0].threads) == ("pids.max of the control group", 700)
    by_name = {row.limit: row for row in rows}
    assert by_name["vm.max_map_count"].threads == 65530 // 2
    assert headroom.allowed([100, 350, 351, 700], "threads", root) == [100, 350]


def test_a_quarter_of_the_memory_bounds_goroutines(tmp_path: Path) -> None:
    root = machine(tmp_path, SMALL)
    most = int(1_000_000 * 1024 / headroom.SHARE / headroom.GOROUTINE_BYTES)
    assert headroom.allowed([most, most + 1], "goroutines", root) == [most]
    (root / "cg/mine/memory.max").write_text("100000\n")
    assert headroom.available(root) == 100_000
    assert headroom.allowed([1000], "goroutines", root) == []


def test_a_machine_that_tells_nothing_sets_no_limit(tmp_path: Path) -> None:
    assert headroom.available(tmp_path) == math.inf
    assert all(
        row.limit == "RLIMIT_NPROC" or row.says == math.inf for row in headroom.limits(tmp_path)
    )


def test_goroutines_share_threads_and_take_kilobytes() -> None:
    go = toolchain("current")
    crowd = crowds.of_goroutines(go, 20_000)
    without = crowds.of_goroutines(go, 0)
    assert crowd.tasks == 20_000
    assert crowd.threads < 50
    own = crowds.each(crowd, without, 20_000)
    assert not own.extrapolated
    assert 2048 * 20_000 < own.resident < 4096 * 20_000


def test_threads_cost_the_kernel_more_than_they_touch(folder: CFolder) -> None:
    crowd, without = (crowds.of_threads(folder, count) for count in (500, 0))
    assert crowd.threads - without.threads == 500
    # 8 MB each is the usual size; a system may have another, but none so small.
    assert crowd.virtual - without.virtual > 500 * 128 * 1024
    assert crowd.kernel_stacks > 500 * 4096
    small = crowds.of_threads(folder, 500, stack=64)
    assert small.virtual < crowd.virtual
    far = crowds.each(crowd, without, 100_000)
    assert far.extrapolated
    assert far.resident == pytest.approx(
        without.resident + 200 * (crowd.resident - without.resident)
    )
    assert far.whole == far.resident + far.page_tables + far.kernel_stacks + far.kernel_records


def test_a_thread_too_many_is_refused_in_words(folder: CFolder) -> None:
    argv = (crowds.c_program(folder, "crowd"), "1000")
    refused = crowds.under_a_limit(argv, "threads", 1000, 1 << 30)
    assert refused.status == 1
    assert "Resource temporarily unavailable" in refused.said
    fine = crowds.under_a_limit((argv[0], "3", "64"), "threads", 3, 1 << 30)
    assert (fine.status, fine.said) == (0, "3 are there")


def test_a_crowd_that_cannot_come_is_told_of(folder: CFolder) -> None:
    with pytest.raises(LabError, match="try fewer"):
        crowds.of_threads(folder, 2, stack=1 << 40)


def test_a_group_with_little_memory_kills(folder: CFolder) -> None:
    why = crowds.no_memory_group()
    if why:
        pytest.skip(why)
    ended = crowds.out_of_memory(folder, 3_000, 24 << 20)
    assert ended.status == -signal.SIGKILL


def test_a_hand_over_of_goroutines_is_no_switch_of_the_kernel(folder: CFolder) -> None:
    rows = {row.way: row for row in handover.hand_overs(toolchain("current"), folder, rounds=6)}
    assert set(rows) == set(handover.WAYS)
    for way in ("goroutines, 1 P", "goroutines, 2 Ps"):
        assert rows[way].voluntary + rows[way].involuntary < 100
    for way in ("threads, semaphores, one core", "threads, pipes"):
        assert rows[way].voluntary + rows[way].involuntary > 300


def test_a_hand_over_of_goroutines_asks_the_kernel_for_nothing(folder: CFolder) -> None:
    why = handover.no_calls()
    if why:
        pytest.skip(why)
    rows = {row.way: row for row in handover.calls(toolchain("current"), folder)}
    assert rows["goroutines, 1 P"].calls < 100
    assert rows["threads, pipes"].calls == pytest.approx(2000, rel=0.05)
    assert rows["threads, pipes"].which.startswith(("read:", "write:"))


def test_loops_are_compared_with_c_and_python(folder: CFolder) -> None:
    rows = handover.speeds([toolchain("current")], folder, primes=20_000)
    found = {(row.work, row.against): row for row in rows}
    assert len(found) == 3
    for row in rows:
        assert row.low <= row.ratio <= row.high
    assert found["primes by a sieve", "Python"].high < 1
    alone = handover.speeds([toolchain("current")], None, primes=20_000)
    assert {row.against for row in alone} == {"Python", "Python, asyncio"}


def test_an_empty_program_is_looked_at_on_its_way_out(folder: CFolder) -> None:
    why = atexit.impossible()
    if why:
        pytest.skip(why)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    (row,) = atexit.at_exit({"C": [crowds.c_program(folder, "empty")]})
    assert row.peak >= row.resident == row.own + row.files
    assert 0 < row.own < row.files
    assert row.threads == 1
    # What this process has resident does not count for the program.
    ballast = bytearray(os.urandom(1 << 20) * 64)
    (again,) = atexit.at_exit({"C": [crowds.c_program(folder, "empty")]})
    assert again.peak < len(ballast) / 1024 / 4
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_program_that_fails_is_no_empty_program() -> None:
    why = atexit.impossible()
    if why:
        pytest.skip(why)
    with pytest.raises(LabError, match="status 3"):
        atexit.at_exit({"sh": ["sh", "-c", "exit 3"]})
