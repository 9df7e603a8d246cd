"""Stacks, pauses, the collector's parts and Java beside them: what the lab on goroutines says."""

from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import collector, jvm, pauses, stacks
from labhelpers.experiments.pauses import Bucket
from labhelpers.experiments.stacks import Stack
from labhelpers.show import crowd_figures
from labhelpers.toolchain import toolchain

RELEASES = ["article", "current"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_stack_grows_by_doubling_and_shrinks_by_halves(release: str) -> None:
    go = toolchain(release)
    rows = stacks.grown_and_shrunk(go)
    grown = [row.size for row in rows if row.step == "grown"]
    shrunk = [row.size for row in rows if row.step == "shrunk"]
    assert grown[0] == stacks.stack_min(go) == 2048
    assert grown == sorted(grown)
    assert grown[-1] == shrunk[0] == 64 * 1024
    assert shrunk[:4] == [65536, 32768, 16384, 8192]
    assert shrunk[-1] < 8192


@pytest.mark.parametrize("release", RELEASES)
def test_a_collection_changes_what_new_goroutines_begin_with(release: str) -> None:
    sizes = {(row.setting, row.step): row.size for row in stacks.learnt(toolchain(release))}
    assert sizes["", "first"] == 2048
    assert sizes["", "later"] == 16384
    assert sizes["adaptivestackstart=0", "later"] == 2048


def bucket(low: float, high: float, number: int) -> Bucket:
    return Bucket("1.27.3", 1, "a load", low, high, number)


def test_a_quantile_lies_in_a_bucket() -> None:
    rows = [bucket(100, 200, 1), bucket(1, 2, 8), bucket(10, 20, 1)]
    assert pauses.quantile(rows, 0.5) == (1, 2)
    assert pauses.quantile(rows, 0.9) == (10, 20)
    assert pauses.quantile(rows, 0.95) == (100, 200)
    with pytest.raises(LabError, match="no pause"):
        pauses.quantile([], 0.5)


def test_pauses_are_counted_by_load_and_release() -> None:
    go = toolchain("current")
    loads = {"by itself": (2, "natural", 100), "asked for": (8, "forced", 3)}
    rows, buckets = pauses.distributions([go], (1,), loads)
    assert [row.load for row in rows] == list(loads)
    for row in rows:
        assert row.collections >= 3
        assert row.pauses >= 2 * row.collections - 1  # each collection stops the world twice
        assert row.p50_high <= row.p90_high <= row.p95_high <= row.longest
        own = [one for one in buckets if one.load == row.load]
        assert sum(one.pauses for one in own) == row.pauses
        assert 0 <= row.others <= 1.5
    (whole,) = pauses.together(rows, buckets)
    assert whole.pauses == sum(row.pauses for row in rows)
    assert whole.half <= whole.nine_of_ten <= whole.nineteen_of_twenty
    assert whole.quiet == all(row.quiet for row in rows)


@pytest.mark.parametrize("release", RELEASES)
def test_what_lives_is_marked_again_each_time(release: str) -> None:
    small, large = pauses.still_work([toolchain(release)], lives=(4, 40))
    assert large.cpu_ms_each > 2 * small.cpu_ms_each


def test_goroutines_help_the_collector_and_go_on_beside_it() -> None:
    go = toolchain("current")
    assist, whole = pauses.assists(go)
    assert 0 < assist < whole
    rows = [row for row in pauses.traced(go) if not row.forced]
    assert any(row.heap_after_mib > row.heap_before_mib for row in rows)


def test_a_machine_that_others_use_is_busy() -> None:
    said = pauses.busy(0.05)
    assert said is None or said.endswith("% of its cores).")


@pytest.mark.parametrize("release", RELEASES)
def test_the_layers_are_in_the_source_and_in_the_counters(release: str) -> None:
    go = toolchain(release)
    assert [row.shows for row in collector.layers(go)] == list(collector.LAYERS)
    assert [row.shows for row in collector.colours(go)] == list(collector.COLOURS)
    caches = collector.caches(go, (1, 2, 4))
    assert [row.processors for row in caches] == [1, 2, 4]
    assert len({row.bytes / row.processors for row in caches}) == 1
    assert all(row.objects_each >= 8 for row in collector.visits(go))


@pytest.mark.parametrize("release", RELEASES)
def test_the_barrier_notes_two_pointers(release: str) -> None:
    lines = collector.barrier(toolchain(release))
    assert any("gcWriteBarrier2" in line for line in lines)


@pytest.mark.parametrize("release", RELEASES)
def test_the_compiler_says_what_the_program_then_does(release: str) -> None:
    rows = {row.function: row for row in collector.escapes(toolchain(release))}
    assert rows["stays"].objects == 0
    assert rows["stays"].compiler == "&point{...} does not escape"
    assert rows["leaves"].objects == rows["method"].objects == 1
    assert rows["sized"].objects == (1 if release == "article" else 0)
    for row in rows.values():
        assert (row.objects > 0) == ("escapes" in row.compiler or "moved" in row.compiler)


LOG = """[0.1s][info][gc] GC(0) Pause Young (Normal) (G1 Evacuation Pause) 20M->3M(40M) 3.500ms
[0.2s][info][gc,phases] GC(1) Pause Mark Start 0.012ms
[0.3s][info][gc,phases] GC(1) Concurrent Mark 5.000ms
[0.4s][info][gc] GC(2) Pause Full (System.gc()) 20M->3M(40M) 12,250ms
[0.5s][info][gc,start] GC(3) Garbage Collection (System.gc())
[0.5s][info][gc,phases] GC(3) Pause Mark End 0.020ms
"""


def test_pauses_of_java_are_told_apart() -> None:
    assert jvm.read_pauses(LOG) == {"load": [3.5, 0.012], "asked for": [12.25, 0.02]}


def test_java_is_asked_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = jvm.impossible()
    if why is None:
        facts = {row.fact: row.holds for row in jvm.facts(20)}
        assert facts["each thread of a program is one of the kernel's"]
        assert set(jvm.empties()) == {f"Java, {name}" for name in jvm.VARIANTS}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert jvm.impossible() == "There is no java on this machine."


def labels(axis: object) -> list[str]:
    return [text.get_text() for text in axis.get_ticklabels()]  # type: ignore[attr-defined]


def test_figures_show_every_row() -> None:
    rows = [
        Stack(go, "", step, number, 2048, size)
        for go in ("1.22.10", "1.27.3")
        for step in ("grown", "shrunk")
        for number, size in ((0, 2048), (1, 4096))
    ]
    figure = crowd_figures.staircase([vars(row) for row in rows])
    assert [len(panel.lines) for panel in figure.axes] == [2, 2]
    sizes = {"resident": 1e9, "kernel_stacks": 2e9, "page_tables": 0, "kernel_records": 5e8}
    bar = {"name": "threads", "extrapolated": True, **sizes}
    figure = crowd_figures.memory_of([bar], {"the article": 2e9})
    assert [patch.get_width() for patch in figure.axes[0].patches] == [1000, 2000, 0, 500]
    assert any("extrapolated" in text.get_text() for text in figure.axes[0].texts)
    crowd = [
        {"kind": "threads", "go": "", "tasks": n, "resident": n * 1e4, "kernel": 0}
        for n in (0, 1000, 10_000)
    ]
    figure = crowd_figures.by_count(crowd, 100_000)
    dotted = next(line for line in figure.axes[0].lines if line.get_linestyle() == ":")
    assert dotted.get_ydata()[-1] == pytest.approx(1000)
    end = {"own": 400, "files": 800, "program": "Go"}
    figure = crowd_figures.empties([end], {"the article: Go": 5e6})
    assert labels(figure.axes[0].yaxis) == ["Go"]
    pause = {"go": "1.27.3", "processors": 1, "low_us": 1, "high_us": 2, "pauses": 3}
    java = {"collector": "G1", "live_mib": 10, "kind": "load", "median_ms": 2, "longest_ms": 9}
    figure = crowd_figures.pauses([pause], [java])
    assert labels(figure.axes[1].yaxis) == ["Java G1, 10 MiB, load"]
    turn = {"way": "threads, pipes", "median_ns": 9, "low_ns": 8, "high_ns": 10}
    figure = crowd_figures.turns([{**turn, "voluntary": 900, "involuntary": 100}])
    assert figure.axes[1].patches[0].get_width() == pytest.approx(1)
