"""Rules about the order of the runtime's start, each as the edit of the source that breaks it.

The edits fit Go 1.21 to 1.27 on x86-64; a release that lacks a place is told so (breakrule.py).
"""

from dataclasses import dataclass
from typing import Literal

from labhelpers.errors import LabError

Expected = Literal["runs", "fails", ""]


@dataclass(frozen=True)
class Edit:
    """`old` gives way to `new` in one file below GOROOT/src, at the first place that holds it."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Trial:
    """One broken rule. `article`: what would follow from the article, empty where it is silent."""

    name: str
    edits: tuple[Edit, ...]
    article: Expected


PROC, ARGS, RT0 = "runtime/proc.go", "runtime/runtime1.go", "runtime/asm_amd64.s"
CLOCKS = "runtime/sys_linux_amd64.s"
MALLOC, STACK = "\tmallocinit()\n", "\tstackinit()\n"
ARGS_HEAD = "func args(c int32, v **byte) {\n"
CHECK = "func check() {\n"
"""The head of the first Go function that rt0_go calls."""
READY = "\tworldStarted()\n\n\tif buildVersion"
"""The end of schedinit: the Ps are there."""
GC, SYSMON = "\tgcinit()\n", "newm(sysmon, nil, -1)"


def _early(kind: str, value: str) -> tuple[Edit, ...]:
    """Return the edits that let a value escape to the heap right before mallocinit."""
    head = "func schedinit() {\n"
    return (
        Edit(PROC, MALLOC, f"\tgolabEarly = {value}\n{MALLOC}"),
        Edit(PROC, head, f"var golabEarly {kind}\n\n{head}"),
    )


ALLOCATOR = (
    Trial("new before mallocinit", _early("*[64]byte", "new([64]byte)"), "fails"),
    Trial("make before mallocinit", _early("[]byte", "make([]byte, 1000)"), "fails"),
    Trial(
        "make before mallocinit, on the stack",
        (
            Edit(
                PROC,
                MALLOC,
                "\tgolabEarly := make([]byte, 1000)\n\tgolabEarly[len(godebugDefault)] = 1\n"
                + MALLOC,
            ),
        ),
        "fails",
    ),
    Trial(
        "procresize before mallocinit",
        (
            Edit(
                PROC,
                MALLOC,
                "\tlock(&sched.lock)\n\tprocresize(1)\n\tunlock(&sched.lock)\n" + MALLOC,
            ),
        ),
        "fails",
    ),
    Trial(
        "mallocinit before args",
        (
            Edit(PROC, MALLOC, ""),
            Edit(ARGS, ARGS_HEAD, ARGS_HEAD + MALLOC),
        ),
        "runs",
    ),
    Trial("no collector: without gcenable", (Edit(PROC, "\tgcenable()\n", ""),), "runs"),
)
"""What must not come before the memory allocator, and what the allocator needs."""

STACKS = (
    Trial(
        "stackinit as the first Go code",
        (Edit(PROC, STACK, ""), Edit(ARGS, CHECK, CHECK + STACK)),
        "runs",
    ),
    Trial(
        "mallocinit before stackinit",
        (Edit(PROC, STACK, ""), Edit(PROC, MALLOC, MALLOC + STACK)),
        "fails",
    ),
    Trial("without stackinit", (Edit(PROC, STACK, ""),), "fails"),
    Trial(
        "schedinit before m0 and g0",
        (
            Edit(
                RT0,
                "\t// create istack out of",
                "\tCALL\truntime·schedinit(SB)\n\t// create istack out of",
            ),
        ),
        "fails",
    ),
    Trial(
        "g0 without its stack's bounds",
        (
            Edit(RT0, "\tMOVQ\tBX, (g_stack+stack_lo)(DI)\n", ""),
            Edit(RT0, "\tMOVQ\tSP, (g_stack+stack_hi)(DI)\n", ""),
        ),
        "fails",
    ),
)
"""What the two steps named after stacks are good for."""

MONITOR = (
    Trial(
        "nanotime and osyield as the first Go code",
        (
            Edit(
                ARGS,
                CHECK,
                CHECK + '\tosyield()\n\tif nanotime() == 0 {\n\t\tthrow("no time")\n\t}\n',
            ),
        ),
        "runs",
    ),
    Trial(
        "a trap in nanotime",
        (
            Edit(
                CLOCKS,
                "TEXT runtime·nanotime1(SB),NOSPLIT,$16-8\n",
                "TEXT runtime·nanotime1(SB),NOSPLIT,$16-8\n\tINT\t$3\n",
            ),
        ),
        "fails",
    ),
    Trial("sysmon before procresize", (Edit(PROC, GC, f"{GC}\t{SYSMON}\n"),), "fails"),
    Trial(
        "sysmon at the end of schedinit",
        (
            Edit(PROC, SYSMON, ""),
            Edit(PROC, READY, READY.replace("()\n", f"()\n\t{SYSMON}\n", 1)),
        ),
        "runs",
    ),
    Trial("without sysmon", (Edit(PROC, SYSMON, ""),), ""),
)
"""What must be there before sysmon."""

NO_PROFILE = Trial(
    "no memory profile where none is wanted",
    (
        Edit(
            "runtime/mprof.go",
            "\tif mp.profStack == nil {\n",
            "\tif mp.profStack == nil || MemProfileRate == 0 {\n",
        ),
    ),
    "",
)
"""No broken rule but a saving, for Go 1.23 to 1.27. mProf_Malloc (runtime/mprof.go) notes an object
even when the linker has just switched the memory profile off, since mallocgc calls it when the rate
has changed. From Go 1.25 on this happens in mProfStackInit, with all the pages that it touches."""


def find_trial(name: str) -> Trial:
    """Return the trial of this name.

    Raises:
        LabError: there is none.
    """
    for trial in (*ALLOCATOR, *STACKS, *MONITOR, NO_PROFILE):
        if trial.name == name:
            return trial
    raise LabError(f"There is no trial named {name!r}: see ALLOCATOR, STACKS and MONITOR.")
