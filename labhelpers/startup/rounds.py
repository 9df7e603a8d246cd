"""The order of launches: every command once a round, in random order, blocks interleaved.

A block is a set of commands that are compared with one another. Within a round the commands of a
block stand side by side, so that a pair lies milliseconds apart; the blocks take turns, so that a
slow minute of the machine falls on all of them.
"""

import gc
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from labhelpers.errors import LabError
from labhelpers.startup import pagecache
from labhelpers.startup.spawn import Command, Timing, launch

CacheState = Literal["warm", "cold"]
PAD_LIMIT = 4096
"""Bytes by which the environment grows at most. Its size moves the stack, which alone can shift a
time by some per cent (Mytkowicz et al., ASPLOS 2009); each round draws one size for all."""


@dataclass(frozen=True)
class Block:
    """Commands that are compared with one another, in one state of the page cache.

    `twins` are the commands once more, under other names, for the A/A comparison: they take turns,
    one a round. A file that was started a moment ago starts some per cent faster, so a twin that
    always doubled the same command would give that one an advantage. `every` 4 means that the
    block takes part in each fourth round only, the first one among them.
    """

    commands: tuple[Command, ...]
    cache: CacheState = "warm"
    label: str = ""
    twins: tuple[Command, ...] = ()
    every: int = 1

    def in_round(self, number: int) -> tuple[Command, ...]:
        """Return what is started in one round."""
        if number % self.every:
            return ()
        turn = number // self.every
        twin = self.twins[turn % len(self.twins)] if self.twins else None
        return self.commands if twin is None else (*self.commands, twin)

    def launches_in(self, rounds: int) -> int:
        """Return how many starts so many rounds hold."""
        return sum(len(self.in_round(number)) for number in range(rounds))


@dataclass(frozen=True, slots=True)
class Launch:
    """One start within its experiment: when it came, of what, in which state, and what it took.

    `pages_read` counts the pages of the program's file that a cold start left in the page cache:
    what the kernel read, read-ahead included; None for a warm start.
    """

    round: int
    position: int
    command: str
    timing: Timing
    pages_read: int | None = None

    @property
    def start_ns(self) -> int:
        """The time that counts: to a server's first answer, to another program's end."""
        return self.timing.wall_ns if self.timing.ready_ns is None else self.timing.ready_ns

    @property
    def cpu_us(self) -> int:
        """Processor time, user and system together, of the whole life of the process."""
        return self.timing.user_us + self.timing.sys_us

    def as_dict(self) -> dict[str, Any]:
        """Return one flat row."""
        row = {"round": self.round, "position": self.position, "command": self.command}
        return {**row, **asdict(self.timing), "pages_read": self.pages_read}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Launch":
        """Return the launch that `as_dict` made a row of."""
        timing = Timing(**{name: row[name] for name in Timing.__slots__ if name in row})
        return cls(row["round"], row["position"], row["command"], timing, row["pages_read"])


@dataclass
class Run:
    """What was launched, block by block. `interrupted` where Ctrl-C or a failure cut it short."""

    launches: list[list[Launch]]
    rounds: int = 0
    interrupted: str | None = None
    failure: LabError | None = field(default=None, repr=False)


Launcher = Callable[[Command, float, Mapping[str, str]], Timing]
Progress = Callable[[int, int], None]
"""Told how many launches were done since it was told last, and how many there will be in all."""


def no_progress(more: int, whole: int) -> None:
    """Tell nobody."""


def run_blocks(
    blocks: Sequence[Block],
    rounds: int,
    seed: int,
    timeout: float = 10.0,
    progress: Progress = no_progress,
    launcher: Launcher = launch,
) -> Run:
    """Start every command of every block once a round, `rounds` times.

    Ctrl-C, and a program that fails on the way, end the run with the rounds that were whole.

    Args:
        blocks: what to start; every command also runs once before the clock counts.
        rounds: how often.
        seed: decides the order and the size of the environment.
        timeout: seconds for one start.
        progress: told after each block.
        launcher: what starts a command; tests pass their own to see the order.

    Raises:
        LaunchFailed: a command fails before the first round is whole.
    """
    draw = random.Random(seed)
    run = Run([[] for _ in blocks])
    done: list[list[Launch]] = [[] for _ in blocks]
    whole = sum(block.launches_in(rounds) for block in blocks)
    collecting = gc.isenabled()
    gc.disable()
    try:
        for command in {command.argv: command for b in blocks for command in b.commands}.values():
            launcher(command, timeout, command.environment)
        for number in range(rounds):
            pad = "x" * draw.randrange(PAD_LIMIT)
            done = [[] for _ in blocks]
            for index in draw.sample(range(len(blocks)), len(blocks)):
                done[index] = list(_one_round(blocks[index], number, draw, pad, timeout, launcher))
                progress(len(done[index]), whole)
            for kept, new in zip(run.launches, done, strict=True):
                kept.extend(new)
            run.rounds += 1
            gc.collect(0)
    except KeyboardInterrupt:
        run.interrupted = "Ctrl-C"
    except LabError as error:
        if not run.rounds:
            raise
        run.interrupted, run.failure = str(error), error
    finally:
        if collecting:
            gc.enable()
    # Ctrl-C may have come while a round was put away, with some blocks done and others not.
    for kept, block in zip(run.launches, blocks, strict=True):
        del kept[block.launches_in(run.rounds) :]
    return run


def _one_round(
    block: Block, number: int, draw: random.Random, pad: str, timeout: float, launcher: Launcher
) -> Iterator[Launch]:
    """Start every command of a block once, in random order, each in the block's cache state."""
    cold = block.cache == "cold"
    try:
        if not cold:
            for command in block.commands:
                pagecache.warm(command.file)
        commands = block.in_round(number)
        for position, command in enumerate(draw.sample(commands, len(commands))):
            environment = {**command.environment, "GOLAB_PAD": pad}
            if cold:
                if command.original:
                    pagecache.write_anew(command.original, command.file)
                pagecache.make_cold(command.file)
            timing = launcher(command, timeout, environment)
            read = pagecache.resident(command.file)[0] if cold else None
            yield Launch(number, position, command.name, timing, read)
    except OSError as error:
        raise LabError(
            f"{error.filename or block.label} disappeared or cannot be read during the run "
            f"({error.strerror}): leave the programs in place until the run has ended."
        ) from error
