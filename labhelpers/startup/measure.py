"""Compare the starts of any commands: the engine behind `golab measure`."""

import random
import secrets
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from labhelpers import machine
from labhelpers.errors import LabError
from labhelpers.startup.analysis import by_command, comparisons
from labhelpers.startup.caution import Caution, busy, cautions
from labhelpers.startup.estimate import LEAST_ROUNDS, Comparison, Estimate, estimate
from labhelpers.startup.rounds import (
    Block,
    CacheState,
    Launch,
    Launcher,
    Progress,
    no_progress,
    run_blocks,
)
from labhelpers.startup.spawn import Command, launch
from labhelpers.startup.tomain import ToMain, marked_block, to_main

if TYPE_CHECKING:
    import pandas as pd

TWIN = " (again)"


@dataclass
class Measurement:
    """Launches of some commands, and what they say. The first command is the baseline.

    The commands take turns, one a round, in being started once more: such a twin's name ends in
    "(again)", and what all twins say against their originals is the floor of each comparison.
    `to_main` says the same of the time to main, from starts of their own.
    """

    commands: list[str]
    launches: list[Launch]
    estimates: list[Estimate]
    comparisons: list[Comparison]
    cautions: list[Caution]
    machine: dict[str, Any]
    seed: int
    rounds: int
    cache: CacheState
    interrupted: str | None = None
    to_main: ToMain = field(default_factory=ToMain)

    def as_dict(self) -> dict[str, Any]:
        """Return the document of schema golab/measure/1."""
        return {
            "schema": "golab/measure/1",
            "machine": self.machine,
            "seed": self.seed,
            "rounds": self.rounds,
            "cache": self.cache,
            "interrupted": self.interrupted,
            "commands": self.commands,
            "estimates": [asdict(e) for e in self.estimates],
            "comparisons": [c.as_dict() for c in self.comparisons],
            "cautions": [asdict(c) for c in self.cautions],
            "time_to_main": self.to_main.as_dict(),
            "launches": [launch.as_dict() for launch in self.launches],
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return every launch as a row."""
        import pandas as pd

        return pd.DataFrame([launch.as_dict() for launch in self.launches])


def split_words(text: str) -> list[str]:
    """Return the words of a line as a shell would split it.

    Raises:
        LabError: it does not parse.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise LabError(
            f"The command {text!r} cannot be read ({error}): check its quotes."
        ) from error


def parse_command(text: str) -> Command:
    """Return the command of a line as one types it; no shell is in between.

    Raises:
        LabError: the line is empty or does not parse, or its program is not to be found.
    """
    words = split_words(text)
    if not words:
        raise LabError("A command is empty: name a program to start.")
    path = shutil.which(words[0])
    if path is None:
        raise LabError(
            f"There is no executable program {words[0]!r}: check its path and its x permission."
        )
    return Command(text, (path, *words[1:]))


def draw_seed(seed: int | None) -> int:
    """Return the seed that was asked for, or a new one that is short enough to type again.

    Raises:
        LabError: the seed is below 0.
    """
    if seed is not None and seed < 0:
        raise LabError(f"{seed} cannot be a seed: take 0 or any number above it (--seed).")
    return secrets.randbelow(10**6) if seed is None else seed


def require_rounds(rounds: int, least: int = LEAST_ROUNDS) -> None:
    """Raise a LabError where so few rounds give no interval."""
    if rounds < least:
        raise LabError(
            f"{rounds} round{'s' if rounds != 1 else ''} cannot give a 95 % interval of a median: "
            f"take at least {least} (--rounds)."
        )


def measure(
    commands: Sequence[Command],
    rounds: int = 50,
    seed: int | None = None,
    cache: CacheState = "warm",
    timeout: float = 10.0,
    progress: Progress = no_progress,
    launcher: Launcher = launch,
    main: bool = False,
) -> Measurement:
    """Start every command once a round in random order, and compare all with the first.

    Args:
        commands: at least one; with one, only its median and its floor are of interest.
        rounds: at least 6.
        seed: decides the order; drawn, and kept in the result, where none is given.
        cache: "cold" drops the pages of each program's own file before each of its starts.
        timeout: seconds for one start.
        progress: told how many launches were done.
        launcher: what starts a command.
        main: also measure the time to main, which takes as many starts again.

    Raises:
        LabError: too few rounds, two commands of one name, a cold start that cannot be had.
        LaunchFailed: a command fails before there is anything to compare.
    """
    require_rounds(rounds)
    names = [command.name for command in commands]
    twins = {name: name + TWIN for name in names}
    if len({*names, *twins.values()}) < 2 * len(names):
        raise LabError("Two commands have the same name: every command is compared with the first.")
    seed = draw_seed(seed)
    state = machine.describe()
    read_ahead = machine.read_ahead_kb(commands[0].file)
    again = [replace(command, name=twins[command.name]) for command in commands]
    random.Random(seed).shuffle(again)
    block = Block(tuple(commands), cache, twins=tuple(again))
    marked, notes = marked_block(block, timeout) if main else (Block(()), [])
    run = run_blocks([block, marked], rounds, seed, timeout, progress, launcher)
    launches, with_mark = run.launches
    enough = run.rounds >= LEAST_ROUNDS
    if run.failure and not enough:
        raise run.failure
    values = by_command(launches) if enough else {}
    return Measurement(
        commands=names,
        launches=launches,
        estimates=[estimate(name, values[name], seed) for name in names if enough],
        comparisons=(comparisons(launches, names[0], names[1:], twins, seed) if enough else []),
        cautions=busy(state.load_average, state.usable_cores) + cautions({"": launches}),
        machine={**state.as_dict(), "read_ahead_kb": read_ahead},
        seed=seed,
        rounds=run.rounds,
        cache=cache,
        interrupted=run.interrupted,
        to_main=to_main(with_mark, names, twins, seed, notes),
    )
