"""From what was seen of one start to its phases: which stamp ends one and begins the next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from labhelpers.startup.spawn import Command, Mark, Observed, Timing

ORDER = (
    *("spawn", "exec", "exec again", "Go entry", "first thread", "runtime.main", "main.main"),
    *("main", "first byte", "first answer", "exit", "reaped"),
)
"""Every stamp that a start can have, in the order in which they come."""

NEIGHBOURS = {
    *(("spawn", "exec"), ("exec", "Go entry"), ("Go entry", "runtime.main")),
    *(("runtime.main", "main.main"), ("main.main", "exit"), ("main.main", "first answer")),
    *(("exit", "reaped"), ("exec", "main"), ("main", "exit")),
}
"""Stamps between which one known thing happens; any other pair is joined over a missing stamp."""


@dataclass(frozen=True, slots=True)
class Stamped(Timing):
    """A start with its stamps: nanoseconds since before the spawn, by name, in their order.

    `faults` are the times of page faults in user mode, None where they were not watched.
    """

    stamps: Mapping[str, int] | None = None
    """None where nobody watched, they contradict each other, or the kernel dropped some."""
    faults: tuple[int, ...] | None = None


def stamps_of(observed: Observed, command: Command, marks: Mapping[str, Mark]) -> dict[str, int]:
    """Return what was stamped, in order, by name; empty where the record is not whole.

    A mark counts only while the process is the program that was named: once it has become another
    by exec, the same address is other code.
    """
    seen, begin = observed.seen, observed.begin_ns
    found: dict[str, int | None] = {"spawn": begin}
    if seen is None:
        found |= {"exec": observed.spawned_ns, "first byte": observed.first_byte_ns}
    else:
        if not seen.complete or not seen.execs:
            return {}
        again = seen.execs[-1] if len(seen.execs) > 1 else None
        found |= {"exec": seen.execs[0], "exec again": again, "exit": seen.exit}
        if not marks:
            found["first thread"] = next(iter(seen.threads), None)
        for name, mark in marks.items():
            hit = seen.hits.get(mark.address)
            if hit is not None and (again is None or hit < seen.execs[1]):
                found[name] = hit
    if observed.timing.ready_ns is not None:
        found |= {"first answer": begin + observed.timing.ready_ns, "exit": None}
    else:
        found["reaped"] = begin + observed.timing.wall_ns
    return _in_order({name: time - begin for name, time in found.items() if time is not None})


def _in_order(stamps: Mapping[str, int]) -> dict[str, int]:
    """Return stamps sorted by time; none where those of one program contradict their order."""
    ordered = dict(sorted(stamps.items(), key=lambda stamp: (stamp[1], ORDER.index(stamp[0]))))
    own = [ORDER.index(name) for name in ordered if name != "exec again"]
    return ordered if own == sorted(own) else {}


def stretches(stamps: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Return the nanoseconds between each stamp and the next; they sum to the whole."""
    return {(a, b): stamps[b] - stamps[a] for a, b in pairwise(stamps)}


def faults_between(faults: Iterable[int], stamps: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Return how many page faults fell between each stamp and the next."""
    times = sorted(faults)
    return {
        (a, b): sum(stamps[a] <= time < stamps[b] for time in times) for a, b in stretches(stamps)
    }
