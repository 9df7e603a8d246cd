"""Start several commands in turn, in another order each round, and keep what they print."""

import os
import random
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labhelpers.errors import LabError


@dataclass(frozen=True)
class Talker:
    """A command whose output counts: its name, its arguments, what its environment has beside ours.

    Variables that would steer the Go runtime are not handed on: only those named here count.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Said:
    """What one start wrote to standard output and to standard error, and how it ended."""

    out: str
    err: str
    status: int


def say(talker: Talker, timeout: float = 10.0) -> Said:
    """Start a command once and return what it wrote.

    Raises:
        LabError: it cannot be started or does not end in time.
    """
    steering = {"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK"}
    inherited = {name: value for name, value in os.environ.items() if name not in steering}
    try:
        done = subprocess.run(
            talker.argv,
            env={**inherited, **talker.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{talker.name} could not be run to its end: {error}.") from error
    out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return Said(out, err, done.returncode)


def in_turns(talkers: Sequence[Talker], rounds: int, seed: int) -> list[list[Said]]:
    """Start every command once a round, in random order; entry i of all lists is round i.

    Returns:
        a list for each command, in the order in which they were given.

    Raises:
        LabError: one of them cannot be started, does not end in time, or fails.
    """
    draw = random.Random(seed)
    said: list[list[Said]] = [[] for _ in talkers]
    for _ in range(rounds):
        for index in draw.sample(range(len(talkers)), len(talkers)):
            answer = say(talkers[index])
            if answer.status:
                raise LabError(
                    f"{talkers[index].name} ended with status {answer.status}: "
                    f"{answer.err.strip()[-200:]!r}"
                )
            said[index].append(answer)
    return said
