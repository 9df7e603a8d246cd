"""Rules of the runtime's start, broken in real builds."""

import re
from dataclasses import replace

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.breakrule import (
    attempt,
    ended,
    first_words,
    masked,
    not_here,
    overlay,
    shown,
    start,
    trace,
)
from labhelpers.experiments.trials import (
    ALLOCATOR,
    MONITOR,
    NO_PROFILE,
    STACKS,
    Edit,
    Trial,
    find_trial,
)
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.toolchain import Toolchain, toolchain

pytestmark = pytest.mark.skipif(not_here() is not None, reason=str(not_here()))

CRASH = """fatal error: failed to get system page size
runtime: panic before malloc heap initialized

runtime stack:
runtime.throw({0x471092?, 0x0?})
\truntime/panic.go:1023 +0x5c fp=0x7ffff7f3d038 sp=0x7ffff7f3d008 pc=0x42ec9c
runtime.mallocinit()
\truntime/malloc.go:388 +0x34c fp=0x7ffff7f3d070 sp=0x7ffff7f3d038 pc=0x40a9ec
runtime.(*mheap).alloc(0x1)
\truntime/runtime1.go:67 +0x1c fp=0x7ffff7f3d090 sp=0x7ffff7f3d070 pc=0x440e1c
runtime.rt0_go()
\truntime/asm_amd64.s:347 +0x112 fp=0x7ffff7f3d0b8 sp=0x7ffff7f3d0b0 pc=0x459c92
"""


@pytest.mark.parametrize("release", ["article", "current"])
def test_every_trial_fits_the_source_and_changes_it(release: str) -> None:
    go = toolchain(release)
    for trial in (*ALLOCATOR, *STACKS, *MONITOR):
        for file, new in overlay(trial, go):
            assert new != source(go, file), (trial.name, file)
    assert overlay(NO_PROFILE, toolchain("current"))


def test_a_trial_fails_and_one_runs(current_go: Toolchain) -> None:
    names = ("mallocinit before args", "without stackinit")
    fails, runs = attempt([find_trial(name) for name in names], [current_go])
    assert (fails.found, fails.ended) == ("fails", "exit 2")
    assert fails.says == "fatal error: failed to get system page size"
    assert fails.trace == "mallocinit ← args ← rt0_go"
    assert not re.search(r"0x[0-9a-f]", fails.text)
    assert (runs.found, runs.ended, runs.says) == ("runs", "exit 0", "")


def test_a_place_that_is_not_there_is_named(current_go: Toolchain) -> None:
    trial = Trial("none", (Edit("runtime/proc.go", "\tnosuchinit()\n", ""),), "")
    with pytest.raises(MissingAnchor, match="nosuchinit"):
        overlay(trial, current_go)


def test_a_trial_that_does_not_build_is_told(current_go: Toolchain) -> None:
    broken = replace(
        find_trial("without stackinit"),
        name="wrong",
        edits=(Edit("runtime/proc.go", "\tstackinit()\n", "\tstackinit(1)\n"),),
    )
    with pytest.raises(LabError, match="“wrong” does not build"):
        attempt([broken], [current_go])


def test_no_such_trial() -> None:
    with pytest.raises(LabError, match="no trial named 'x'"):
        find_trial("x")


def test_a_trial_is_shown_as_a_diff(current_go: Toolchain) -> None:
    lines = shown(find_trial("without stackinit"), current_go).splitlines()
    assert lines[0] == "--- runtime/proc.go"
    assert [line for line in lines if line.startswith("-   ")] == ["-   stackinit()"]


def test_the_words_of_a_crash() -> None:
    assert first_words(CRASH) == "fatal error: failed to get system page size"
    assert trace(CRASH) == "mallocinit ← (*mheap).alloc ← rt0_go"
    assert first_words("") == trace("") == ""
    assert "0x4" not in masked(CRASH)
    assert ended(2) == "exit 2"
    assert ended(-11) == "SIGSEGV"


def test_a_crash_leaves_no_core_and_gets_its_variables(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    program = tmp_path_factory.mktemp("crash") / "crash"
    program.write_text('#!/bin/sh\nulimit -c\necho "$WORD"\nkill -SEGV $$\n')
    program.chmod(0o755)
    status, text = start(str(program), {"WORD": "heard"})
    assert (status, text.split()[:2]) == (-11, ["0", "heard"])
