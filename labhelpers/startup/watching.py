"""How a start is to be watched: the most that this machine allows, tried on the command itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from labhelpers.errors import LabError
from labhelpers.perf import PerfRefused
from labhelpers.startup.marks import Located, locate
from labhelpers.startup.measure import TWIN
from labhelpers.startup.rounds import Block, CacheState
from labhelpers.startup.spawn import Command, Mark, Observed, observe
from labhelpers.startup.stamps import Stamped, stamps_of
from labhelpers.startup.watch import Watch

Method = Literal["breakpoints", "events", "spawn"]
METHODS: dict[Method, str] = {
    "breakpoints": "kernel stamps of exec and exit, breakpoints on the functions between them",
    "events": "kernel stamps of exec, the first thread and exit",
    "spawn": "the parent's clock: spawn's return, the first byte of output, the end",
}
WATCHED, FAULTS = " (watched)", " (faults)"
KINDS = ("", TWIN, WATCHED, FAULTS)
FAULT_STARTS = 6
"""How many starts have their page faults watched: their number hardly varies."""


@dataclass(frozen=True)
class Plan:
    """How one command is to be watched, and what had to be left out, in sentences."""

    command: Command
    method: Method
    marks: Mapping[str, Mark]
    notes: tuple[str, ...]


def plan(command: Command, timeout: float, most: Method | None) -> Plan:
    """Try what can be watched of a command, and return the method that sees most."""
    notes: tuple[str, ...] = ()
    if most != "spawn":
        try:
            if most == "events":
                return _with_events(command, timeout, Located())
            located = locate(command, timeout)
            return _with_breakpoints(command, timeout, located)
        except PerfRefused as error:
            notes = (f"{_sentence(error)} The parent's own clock is used instead.",)
    return Plan(command, "spawn", {}, notes)


def _with_breakpoints(command: Command, timeout: float, located: Located) -> Plan:
    if not located.marks:
        return _with_events(command, timeout, located)
    try:
        # With the faults, so that what the run will open at most has been open once.
        with Watch([mark.address for mark in located.marks.values()], faults=True) as watch:
            fixed = any(mark.fixed for mark in located.marks.values())
            seen = observe(command, timeout, watch=watch, fixed=fixed)
    except PerfRefused as error:
        refused = Located({}, located.go, (*located.notes, _sentence(error)))
        return _with_events(command, timeout, refused)
    reached = stamps_of(seen, command, located.marks)
    if not reached:
        lost = Located({}, located.go, (*located.notes, "The kernel's records were not whole."))
        return _with_events(command, timeout, lost)
    marks = {name: mark for name, mark in located.marks.items() if name in reached}
    notes = [
        f"{command.name} did not reach {name} in its start."
        for name in located.marks
        if name not in marks and not (command.server and name == "exit")
    ]
    if not marks:
        return _with_events(command, timeout, Located({}, located.go, (*located.notes, *notes)))
    fixed_note = ["Watched starts ran without address space randomisation (PIE)."] if fixed else []
    return Plan(command, "breakpoints", marks, (*located.notes, *notes, *fixed_note))


def _with_events(command: Command, timeout: float, located: Located) -> Plan:
    """Return the plan without breakpoints.

    Raises:
        PerfRefused: not even software events are allowed.
    """
    with Watch(faults=True):
        return Plan(command, "events", {}, located.notes)


def _sentence(error: LabError) -> str:
    text = str(error).rstrip(".")
    return text[0].upper() + text[1:] + "."


def blocks(plans: Sequence[Plan], rounds: int, cache: CacheState) -> list[Block]:
    """Return the starts as they are with their twins, those watched, and those with faults."""
    own = [p.command for p in plans]
    made = [Block(tuple(own), cache, twins=tuple(replace(c, name=c.name + TWIN) for c in own))]
    made.append(Block(tuple(replace(c, name=c.name + WATCHED) for c in own), cache))
    kernel = [p.command for p in plans if p.method != "spawn"]
    if kernel:
        commands = tuple(replace(c, name=c.name + FAULTS) for c in kernel)
        made.append(Block(commands, cache, every=max(1, rounds // FAULT_STARTS)))
    return made


def watcher(plans: Sequence[Plan]) -> Callable[[Command, float, Mapping[str, str]], Stamped]:
    """Return the launcher: what is watched goes by a command's name."""
    by_name = {p.command.name: p for p in plans}

    def launch(command: Command, timeout: float, environment: Mapping[str, str]) -> Stamped:
        kind = next((word for word in (TWIN, WATCHED, FAULTS) if command.name.endswith(word)), "")
        own = by_name[command.name.removesuffix(kind)]
        if kind not in (WATCHED, FAULTS) or own.method == "spawn":
            byte = kind == WATCHED and not command.server
            seen = observe(own.command, timeout, environment, first_byte=byte)
        else:
            fixed = any(mark.fixed for mark in own.marks.values())
            addresses = [mark.address for mark in own.marks.values()]
            with Watch(addresses, faults=kind == FAULTS) as watch:
                seen = observe(own.command, timeout, environment, watch, fixed=fixed)
        return _stamped(seen, own, kind)

    return launch


def _stamped(observed: Observed, own: Plan, kind: str) -> Stamped:
    watched = kind in (WATCHED, FAULTS)
    stamps = stamps_of(observed, own.command, own.marks) if watched else {}
    faults = observed.seen.faults if observed.seen and kind == FAULTS else None
    timing = {name: getattr(observed.timing, name) for name in type(observed.timing).__slots__}
    since = None if faults is None else tuple(time - observed.begin_ns for time in faults)
    return Stamped(**timing, stamps=stamps or None, faults=since)
