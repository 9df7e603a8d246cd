"""What happens in a step, counted by the stamps of a real build; and what single things cost."""

import pytest

from labhelpers.experiments import unitcosts
from labhelpers.experiments.initcounts import (
    ENTRY,
    cpuids_in_rt0_go,
    first_allocation,
    first_new,
    impossible,
    reasons,
)
from labhelpers.experiments.initcounts import counts as counted
from labhelpers.experiments.initsettings import SETTINGS, opened, settings, strace_missing
from labhelpers.programs import find_program
from labhelpers.runtime.init import measure_init
from labhelpers.toolchain import Toolchain, toolchain

pytestmark = pytest.mark.skipif(impossible() is not None, reason=str(impossible()))


@pytest.mark.parametrize("release", ["article", "current"])
def test_cpuids_are_in_two_steps_only(release: str) -> None:
    go = toolchain(release)
    found = counted(find_program("empty"), go, "CPUIDs", starts=3)
    assert {step for step, count in found.items() if count} == {ENTRY, ("schedinit", "cpuinit")}
    assert found[ENTRY] == cpuids_in_rt0_go(go) == 2


def test_the_first_allocation_pays_the_heap_s_pages(current_go: Toolchain) -> None:
    mallocinit, first, cpuinit = first_new(find_program("empty"), current_go)
    assert (mallocinit.step, first.step, cpuinit.step) == ("mallocinit", "golabFirstNew", "cpuinit")
    assert first.faults is None
    assert cpuinit.faults is not None
    assert first.with_first_new > cpuinit.faults / 2 > cpuinit.with_first_new


def test_faults_add_up_to_those_of_a_start(current_go: Toolchain) -> None:
    found = counted(find_program("empty"), current_go, "faults", starts=5)
    assert 30 < sum(found.values()) < 1000
    assert all(count >= 0 for count in found.values())


def test_the_new_allocation_stands_behind_mallocinit(current_go: Toolchain) -> None:
    ((file, text),) = first_allocation(current_go)
    assert file == "runtime/proc.go"
    assert "\tmallocinit()\n\tgolabFirstNew()\n" in text


def test_reasons_are_in_the_order_of_the_steps(current_go: Toolchain) -> None:
    init = measure_init(find_program("empty"), current_go, rounds=6, seed=1)
    key = ("schedinit", "cpuinit")
    rows = reasons(init, {key: 10.0}, {key: 2.0}, fault_ns=1000, cpuid_ns=500)
    assert [(row.function, row.step) for row in rows] == [(x.function, x.step) for x in init.steps]
    (own,) = (row for row in rows if row.step == "cpuinit")
    assert (own.faults, own.cpuids, own.fault_us, own.cpuid_us) == (10.0, 2.0, 10.0, 1.0)
    assert sum(row.fault_us for row in rows) == 10.0


def test_unit_costs(current_go: Toolchain) -> None:
    rows = {row.what: row for row in unitcosts.unit_costs(current_go, processes=6)}
    assert list(rows) == ["CPUID", "RDTSC", "page fault", "system call"]
    for row in rows.values():
        assert 0 < row.low_ns <= row.median_ns <= row.high_ns
    # Far apart on any machine: tens of nanoseconds against the way into the kernel and back.
    assert rows["RDTSC"].median_ns < rows["page fault"].median_ns


def test_the_sentence_on_cpuid() -> None:
    assert "asks the host, 3.6 µs" in unitcosts.verdict(3600)
    assert "stays in it: 40 ns" in unitcosts.verdict(40)


def test_settings_have_a_row_a_step(current_go: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GODEBUG", "containermaxprocs=0")
    rows = settings(find_program("empty"), current_go, passes=1, rounds=6)
    assert list(dict.fromkeys(row.setting for row in rows)) == list(SETTINGS)
    assert {row.step for row in rows} == {
        *("defaultGOMAXPROCSInit", "defaultGOMAXPROCS", "all before main")
    }
    assert all(row.low <= row.us <= row.high for row in rows)


@pytest.mark.skipif(strace_missing() is not None, reason=str(strace_missing()))
def test_newer_releases_open_the_cgroup(current_go: Toolchain) -> None:
    old = {row.file for row in opened(find_program("empty"), toolchain("article"))}
    new = {row.file for row in opened(find_program("empty"), current_go)}
    assert "/proc/self/cgroup" in new - old


@pytest.mark.skipif(strace_missing() is not None, reason=str(strace_missing()))
@pytest.mark.parametrize("setting", [name for name in SETTINGS if name != "as it comes"])
def test_no_setting_spares_the_look_up(current_go: Toolchain, setting: str) -> None:
    files = {row.file for row in opened(find_program("empty"), current_go, setting)}
    assert {"/proc/self/cgroup", "/proc/self/mountinfo"} <= files
