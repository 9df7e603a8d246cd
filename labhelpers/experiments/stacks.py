"""A goroutine's stack: its first size, how it grows, shrinks, and learns from other goroutines.

A release's source names the first size (stackMin in runtime/stack.go). The rest is measured: the
program `goroutines` makes many at a time and divides what the runtime says that stacks take
(runtime.MemStats.StackInuse). Since Go 1.19 the first size is no constant any more: a collection
sets it to what stacks had on average (gcComputeStartingStackSize), unless
GODEBUG=adaptivestackstart=0 says otherwise.
"""

import re
from dataclasses import dataclass

from labhelpers.errors import LabError
from labhelpers.experiments.crowds import goroutines
from labhelpers.experiments.turns import Talker, say
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

CALLS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)
"""How deep the calls go; each has 128 bytes of its own, and what a call needs besides."""
GROUP = 1000
AFTER_OTHERS = 4000
"""Goroutines at a time; more where stacks of ended ones are used again, to outweigh these."""
STEADY = {"GODEBUG": "adaptivestackstart=0"}
"""So that collections do not change what goroutines start with."""


@dataclass(frozen=True)
class Stack:
    """The bytes of stack for each goroutine at a `step`.

    "grown": at the bottom of `number` calls; "shrunk": up again, after `number` collections;
    "first": of the first goroutines; "later": of others, after a collection met `number` calls.
    `size` is the power of two next to it: what was given, without what others left behind.
    """

    go: str
    setting: str
    step: str
    number: int
    bytes: int
    size: int


def stack_min(chain: Toolchain) -> int:
    """Return the first size that the release's source gives, in bytes.

    Raises:
        MissingAnchor: it is not named there.
    """
    file = "runtime/stack.go"
    found = re.search(r"(?m)^\t_?[sS]tackMin += (\d+)$", source(chain, file))
    if not found:
        raise MissingAnchor(chain.release, file, "", "constant stackMin")
    return int(found[1])


def grown_and_shrunk(chain: Toolchain) -> Table[Stack]:
    """Let stacks grow by deeper and deeper calls, and shrink by collections.

    Raises:
        LabError: the program does not build or run.
    """
    rows: Table[Stack] = Table()
    for calls in CALLS:
        # A process for each depth: what ended goroutines leave behind would be used again.
        said = _said(chain, STEADY, "stacks", GROUP, calls)
        rows.extend(said if calls == CALLS[-1] else said[:1])
    return rows


def learnt(chain: Toolchain, calls: int = 64) -> Table[Stack]:
    """Let a collection meet deep stacks, and look at what new goroutines get; adaptive and not.

    Raises:
        LabError: the program does not build or run.
    """
    on, off = (_said(chain, own, "adapt", AFTER_OTHERS, calls) for own in ({}, STEADY))
    return Table([*on, *off])


def _said(chain: Toolchain, environment: dict[str, str], *words: str | int) -> Table[Stack]:
    mode, *numbers = words
    argv = (goroutines(chain), str(mode), *map(str, numbers))
    told = say(Talker("goroutines", argv, environment), 60)
    if told.status:
        raise LabError(f"goroutines {mode} ended with status {told.status}: {told.err[-200:]!r}")
    setting = environment.get("GODEBUG", "")
    rows: Table[Stack] = Table()
    for line in told.out.splitlines():
        step, number, each = line.split()
        size = 1 << round(int(each)).bit_length()
        size = min((size >> 1, size), key=lambda own: abs(own - int(each)))
        rows.append(Stack(chain.release, setting, step, int(number), int(each), size))
    return rows
