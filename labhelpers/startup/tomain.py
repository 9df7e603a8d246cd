"""Time to main: from the spawn to the first instruction of the program's own main function.

It is what stripping, linking and the runtime can change; the wall time adds what main does and the
taking down of the process. A breakpoint makes a start slower, so these starts are others than those
whose wall time counts: they take turns with them in the same rounds. Each also has the kernel's
stamps of exec, of the first thread and of the exit.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from labhelpers.startup.analysis import by_command, comparisons
from labhelpers.startup.estimate import LEAST_ROUNDS, Comparison, Estimate, estimate
from labhelpers.startup.marks import with_main
from labhelpers.startup.rounds import Block, Launch
from labhelpers.startup.spawn import Command


@dataclass
class ToMain:
    """The time to main of some commands: as a measurement's own estimates, but of other starts."""

    estimates: list[Estimate] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return {
            "estimates": [asdict(own) for own in self.estimates],
            "comparisons": [own.as_dict() for own in self.comparisons],
            "notes": self.notes,
            "launches": [launch.as_dict() for launch in self.launches],
        }


def main_ns(launch: Launch) -> float:
    """Time to main, in nanoseconds.

    Raises:
        ValueError: it was not seen in this launch.
    """
    if launch.timing.main_ns is None:
        raise ValueError(f"{launch.command} has no time to main in round {launch.round}")
    return launch.timing.main_ns


def marked_block(block: Block, timeout: float, every: int = 1) -> tuple[Block, list[str]]:
    """Return a block of the same commands with their main functions marked, and who has none.

    Raises:
        LaunchFailed: a program does not start.
    """
    notes: dict[str, None] = {}
    marked: dict[tuple[str, ...], Command | None] = {}
    for command in block.commands:
        marked[command.argv], why = with_main(command, timeout)
        if why:
            notes[why] = None

    def of(commands: Sequence[Command]) -> tuple[Command, ...]:
        found = [(own, marked[own.argv]) for own in commands]
        return tuple(replace(known, name=own.name) for own, known in found if known)

    again = replace(block, commands=of(block.commands), twins=of(block.twins), every=every)
    return again, list(notes)


def whole_rounds(launches: Sequence[Launch]) -> list[Launch]:
    """Return the launches of those rounds in which every start reached its main."""
    broken = {launch.round for launch in launches if launch.timing.main_ns is None}
    return [launch for launch in launches if launch.round not in broken]


def to_main(
    launches: Sequence[Launch],
    names: Sequence[str],
    twins: dict[str, str],
    seed: int,
    notes: Sequence[str] = (),
) -> ToMain:
    """Return what marked launches say: each command against the first, beside their own floor.

    Args:
        launches: of a marked block.
        names: the commands; the first is the baseline, and nothing is compared if it has no main.
        twins: the name of each command's twin, by the command's name.
        seed: of the bootstrap.
        notes: kept in the result.
    """
    kept = whole_rounds(launches)
    present = {launch.command for launch in kept}
    known = [name for name in names if name in present]
    if len({launch.round for launch in kept}) < LEAST_ROUNDS:
        return ToMain(launches=kept, notes=list(notes))
    values = by_command(kept, main_ns)
    return ToMain(
        estimates=[estimate(name, values[name], seed) for name in known],
        comparisons=(
            comparisons(kept, names[0], known[1:], twins, seed, main_ns)
            if known[0] == names[0]
            else []
        ),
        launches=kept,
        notes=list(notes),
    )
