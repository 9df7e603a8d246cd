"""The instrumented runtime: its anchors, its builds over releases, and what it leaves alone."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.build import Binary, BuildConfig, build
from labhelpers.configs import CONFIGS, find_config
from labhelpers.errors import LabError
from labhelpers.perf import PerfRefused
from labhelpers.programs import find_program
from labhelpers.runtime.instrument import (
    ADDED,
    NEEDED,
    Extra,
    Instrumented,
    instrument,
    instrumented,
    instrumented_config,
    overlay_for,
)
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.runtime.report import VARIABLE, Report, read_reports
from labhelpers.runtime.steps import what
from labhelpers.startup.marks import read_marks
from labhelpers.startup.spawn import Command, observe
from labhelpers.startup.watch import Watch
from labhelpers.toolchain import Toolchain, toolchain

PROC = "runtime/proc.go"
EVERY = ("1.21.13", "1.22.10", "1.23.9", "1.24.11", "1.25.5", "1.26.6", "1.27.3")
ALL = os.environ.get("GOLAB_MATRIX") == "all"
"""GOLAB_MATRIX=all builds every release, program and configuration: minutes on two cores."""
FEW = [
    ("current", "hello", "default"),
    ("current", "cgocall", "strip+external"),
    ("current", "hello", "pie"),
    ("article", "hello", "trim"),
    ("1.25.5", "hello", "default"),
]
MANY = [
    *((release, "hello", config) for release in EVERY for config in CONFIGS if config != "static"),
    *((release, "cgocall", config) for release in EVERY for config in ("default", "static")),
    *((release, name, "default") for release in EVERY for name in ("httpd", "netuser", "empty")),
]


def go(release: str) -> Toolchain:
    try:
        return toolchain(release)
    except LabError as error:
        pytest.skip(str(error))


def reports(binary: Binary, own: Instrumented, **environment: str) -> list[Report]:
    """Start a program once and return what it reports."""
    assert binary.path, binary.log
    file = os.memfd_create("report")
    try:
        subprocess.run(
            [binary.path],
            env={**os.environ, **environment, VARIABLE: str(file)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[file],
            check=True,
        )
        text = os.pread(file, 1 << 22, 0).decode()
    finally:
        os.close(file)
    return read_reports(text, own.stamps, own.task_source)


# What is built


@pytest.mark.parametrize(("release", "name", "config"), MANY if ALL else FEW)
def test_every_build_reports_every_step(release: str, name: str, config: str) -> None:
    chain = go(release)
    if chain.cc is None and (name == "cgocall" or "external" in config or config == "static"):
        pytest.skip("no C compiler")
    own = instrument(chain)
    binary = instrumented(find_program(name), find_config(config), chain)
    if binary.error:  # external+trim, from Go 1.22 on
        assert build(find_program(name), find_config(config), chain).error
        assert config.endswith("external+trim")
        return
    (report,) = reports(binary, own)
    names = [step for function, step in report.names if function != "init tasks"]
    cgo = {"set_crosscall2", "startTemplateThread", "cgocall"}
    wanted = [stamp.step for stamp in own.stamps]
    # Linking externally puts runtime/cgo into a program that has no C of its own.
    with_cgo = binary.cgo and (name in ("cgocall", "httpd", "netuser") or "external" in config)
    assert names == [step for step in wanted if with_cgo or step not in cgo]
    tasks = [step for function, step in report.names if function == "init tasks"]
    assert "runtime" in tasks
    assert len(tasks) == len(set(tasks))
    order = [step for _, step in report.names]
    assert order.index("runtime") < order.index("gcenable")
    assert order[-1] == "unlockOSThread"
    if release == "article" and "GOMAXPROCS" not in os.environ:
        assert report.gomaxprocs == len(os.sched_getaffinity(0))
    assert report.entry_ns > 0
    assert sum(report.steps_ns) == report.whole_ns > 0


@pytest.mark.parametrize("release", EVERY if ALL else ("current", "article"))
def test_lines_are_those_of_the_release(release: str) -> None:
    chain = go(release)
    own = instrument(chain)
    for stamp in own.stamps:
        file, _, line = stamp.source.rpartition(":")
        text = source(chain, file).splitlines()[int(line) - 1]
        word = stamp.step.partition(" ")[0].partition("(")[0]
        if stamp.step == "g0, m0 and TLS":
            assert text.startswith("TEXT runtime·rt0_go")
        elif word in text:
            assert not text.strip().startswith("//")
        else:  # a block, named after what it calls
            assert text.strip().startswith("if "), stamp
    assert own.task_source.startswith(f"{PROC}:")
    line = int(own.task_source.partition(":")[2])
    assert source(chain, PROC).splitlines()[line - 1].strip() == "f()"


@pytest.mark.parametrize("release", ["article", "current"])
@pytest.mark.usefixtures("_perf_events")
def test_the_kernels_own_stamps_lie_around_those_of_the_runtime(release: str) -> None:
    own = instrument(toolchain(release))
    config = find_config("trim")
    binary = instrumented(find_program("hello"), config, toolchain(release))
    assert binary.path
    marks = read_marks(binary.path).addresses
    file = os.memfd_create("report", 0)
    command = Command("hello", (str(binary.path),), environment={VARIABLE: str(file)})
    try:
        with Watch([marks["Go entry"], marks["runtime.main"], marks["main.main"]]) as watch:
            seen = observe(command, 10, watch=watch).seen
        (report,) = read_reports(os.pread(file, 1 << 20, 0).decode(), own.stamps)
    except PerfRefused as error:
        pytest.skip(str(error))
    finally:
        os.close(file)
    assert seen
    entry, runtime_main, main = (
        seen.hits[marks[mark]] for mark in ("Go entry", "runtime.main", "main.main")
    )
    at = {step.step: step.at_ns for step in report.reached}
    assert entry <= report.entry_ns
    assert at["initsig"] <= runtime_main <= at["schedule"]
    assert at["unlockOSThread"] <= main


def test_gomaxprocs_is_the_one_in_force(current_go: Toolchain) -> None:
    own = instrument(current_go)
    binary = instrumented(find_program("hello"), find_config("default"), current_go)
    assert [reports(binary, own, GOMAXPROCS=n)[0].gomaxprocs for n in ("1", "7")] == [1, 7]


def test_nothing_is_printed_where_nothing_is_asked_for(current_go: Toolchain) -> None:
    binary = instrumented(find_program("hello"), find_config("default"), current_go)
    assert binary.path
    for value in (None, "", "x", "0", "-1", "99999999999", "77"):
        environment = {k: v for k, v in os.environ.items() if k != VARIABLE}
        ended = subprocess.run(
            [binary.path],
            env=environment if value is None else {**environment, VARIABLE: value},
            capture_output=True,
            check=True,
        )
        assert (ended.stdout, ended.stderr) == (b"hello\n", b"")


def test_a_report_longer_than_its_buffer_is_whole(current_go: Toolchain) -> None:
    own = instrument(current_go)
    binary = instrumented(find_program("httpd"), find_config("default"), current_go)
    (report,) = reports(binary, own)
    tasks = [step for function, step in report.names if function == "init tasks"]
    assert {"net/http", "net", "os", "runtime"} <= set(tasks)
    assert all(step.functions for step in report.reached if step.function == "init tasks")


def test_init_tasks_count_their_functions(current_go: Toolchain, tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.org/tool.v2\n\ngo 1.21\n")
    (tmp_path / "lib.v3").mkdir()
    (tmp_path / "lib.v3" / "lib.go").write_text(
        "package lib\n\nvar X = len(string(make([]byte, f())))\n\n"
        "func f() int { return 3 }\nfunc init() { X++ }\nfunc init() { X++ }\n"
    )
    (tmp_path / "main.go").write_text(
        'package main\n\nimport "example.org/tool.v2/lib.v3"\n\n'
        "func init() { lib.X++ }\nfunc main() { println(lib.X) }\n"
    )
    own = instrument(current_go)
    (report,) = reports(instrumented(find_program(tmp_path), BuildConfig(), current_go), own)
    found = {x.step: x.functions for x in report.reached if x.function == "init tasks"}
    assert found["example.org/tool.v2/lib.v3"] == 3
    assert found["main"] == 1


def test_further_functions_are_split(current_go: Toolchain) -> None:
    extra = (Extra(PROC, "procresize"), Extra("runtime/malloc.go", "mallocinit"))
    own = instrument(current_go, extra)
    config = replace(find_config("default"), overlay=own.overlay)
    (report,) = reports(build(find_program("empty"), config, current_go), own)
    names = list(report.names)
    inner = [step for function, step in names if function == "procresize"]
    assert "pp.init" in inner
    assert ("mallocinit", "mheap_.init") in names
    assert names.index(("procresize", inner[-1])) < names.index(("schedinit", "procresize"))
    assert sum(report.steps_ns) == report.whole_ns


def test_other_threads_leave_no_stamps(current_go: Toolchain) -> None:
    own = instrument(current_go, (Extra(PROC, "mstart1"), Extra(PROC, "sysmon")))
    config = replace(find_config("default"), overlay=own.overlay)
    (report,) = reports(build(find_program("empty"), config, current_go), own)
    steps = [step for function, step in report.names if function == "mstart1"]
    assert "minit" in steps
    assert len(steps) == len(set(steps))  # of one thread, though there are several
    assert not [step for function, step in report.names if function == "sysmon"]


def test_an_overlay_of_ones_own_stays_in_it(current_go: Toolchain) -> None:
    slow = source(current_go, PROC).replace("\tgcinit()\n", "\tgcinit()\n\tusleep(2000)\n")
    own = instrument(current_go, base=((PROC, slow),))
    config = instrumented_config(BuildConfig(overlay=((PROC, slow),)), current_go)
    assert config.overlay == own.overlay
    (report,) = reports(build(find_program("empty"), config, current_go), own)
    took = dict(zip(report.names, report.steps_ns, strict=True))
    assert took["schedinit", "usleep"] >= 2_000_000


def test_goroot_is_not_touched(current_go: Toolchain) -> None:
    def listing() -> list[tuple[str, int, int]]:
        files = current_go.goroot.rglob("*")
        return sorted((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files)

    before = listing()
    binary = instrumented(find_program("empty"), BuildConfig(tags=("untouched",)), current_go)
    assert binary.error is None
    assert listing() == before


def test_the_same_overlay_comes_out_each_time(current_go: Toolchain) -> None:
    assert overlay_for(current_go) == overlay_for(current_go)
    assert ADDED in dict(overlay_for(current_go))


def test_other_processors_begin_at_check(current_go: Toolchain) -> None:
    own = instrument(current_go, architecture="aarch64")
    assert not [file for file, _ in own.overlay if file.endswith(".s")]
    assert [stamp.source.partition(":")[0] for stamp in own.stamps[:4]] == [
        "runtime/asm_arm64.s"
    ] * 4


# What is refused


@pytest.mark.parametrize(
    ("file", "old", "new", "anchor", "function"),
    [
        (PROC, "\tmallocinit()\n", "\tmallocsetup()\n", "step mallocinit", "schedinit"),
        (PROC, "func doInit1(", "func doInitOne(", "function doInit1", "doInit1"),
        (PROC, "\t\t\tf()\n\t\t}\n", "\t\t\tcall(f)\n\t\t}\n", "call f()", "doInit1"),
        (PROC, "func schedinit() {", "func schedsetup() {", "function schedinit", "schedinit"),
        (PROC, "\tfn := main_main ", "\tgo main_main ", "fn := main_main", "main"),
        (PROC, "\tgcenable()\n", "\n", "step gcenable", "main"),
        (PROC, "newm(sysmon, nil, -1)", "start()", "step newm(sysmon)", "main"),
        (PROC, "\tdoInit(runtime_inittasks)", "\trun(x)", "call doInit(runtime_inittasks)", "main"),
        (PROC, "procresize(procs) != nil", "procs != 0", "step procresize", "schedinit"),
        (PROC, "\tinitsig(false)\n", "\n", "step initsig", "mstartm0"),
        ("runtime/runtime1.go", "func check() {", "func test() {", "function check", "check"),
        ("runtime/os_linux.go", "func osinit() {", "func os() {", "function osinit", "osinit"),
        ("runtime/asm_amd64.s", "\tMOVQ\tBX, 32(SP)\n", "\n", "MOVQ BX, 32(SP)", "rt0_go"),
        ("runtime/asm_amd64.s", "CALL\truntime·args(SB)", "NOP", "args", "rt0_go"),
    ],
)
def test_a_layout_that_is_not_known_is_refused_by_its_missing_anchor(
    current_go: Toolchain, file: str, old: str, new: str, anchor: str, function: str
) -> None:
    text = source(current_go, file)
    assert old in text
    with pytest.raises(MissingAnchor) as caught:
        instrument(current_go, base=((file, text.replace(old, new)),), architecture="x86_64")
    error = caught.value
    assert (error.file, error.function, error.anchor) == (file, function, anchor)
    assert error.release == current_go.release
    assert str(error).startswith(f"Go {current_go.release} has no {anchor} ")
    assert f"src/{file}" in str(error)


def test_a_file_that_is_not_there_is_refused(current_go: Toolchain, tmp_path: Path) -> None:
    with pytest.raises(MissingAnchor, match=r"Go 1\.30\.1 has no file runtime/asm_amd64\.s"):
        instrument(Toolchain("1.30.1", tmp_path, None), architecture="x86_64")


@pytest.mark.parametrize("release", EVERY if ALL else ("article", "current"))
def test_each_release_has_what_is_needed_of_it(release: str) -> None:
    chain = go(release)
    minor = int(chain.release.split(".")[1])
    stamps = instrument(chain).stamps
    steps = {stamp.step for stamp in stamps}
    for stamp in stamps:
        assert "no words" not in what(stamp.function, stamp.step, chain.release), stamp
    for needed in NEEDED.values():
        for since, until, step in needed:
            if since <= minor <= (until or minor):
                assert step in steps
            else:
                assert step not in steps, f"{step} is there in {chain.release}, too"
