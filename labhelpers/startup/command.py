"""What to start, and what can go wrong with it: commands and the errors of their launches."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labhelpers.errors import LabError


@dataclass(frozen=True, slots=True)
class Mark:
    """An instruction whose first execution is to be timed: its address in the running program.

    `fixed` where the address only holds without address space randomisation.
    """

    address: int
    fixed: bool = False


@dataclass(frozen=True)
class Command:
    """What to start: a name for tables, and the argument list whose first entry is a path.

    A `server` is ready at its first answer: it prints a line `ready HOST:PORT`, answers an HTTP
    request there, and exits when its standard input ends. `original` is the file of which the
    program is a copy, where it is one that may be written anew. `main` is where its main function
    begins: a start with it takes longer, since a breakpoint is set there.
    """

    name: str
    argv: tuple[str, ...]
    server: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    original: Path | None = None
    main: Mark | None = None

    @property
    def file(self) -> Path:
        """The program's file."""
        return Path(self.argv[0])


class LaunchFailed(LabError):
    """A program could not be started, ended badly, or did not end in time."""


def no_descriptor(command: Command, error: OSError) -> LaunchFailed:
    """Return the error for a start that finds no file descriptor left."""
    return LaunchFailed(
        f"{command.name} could not be watched ({error.strerror}): "
        "allow this process more open files (ulimit -n)."
    )


def check_status(command: Command, status: int) -> None:
    """Raise LaunchFailed unless a wait status says that the program exited with 0."""
    code = os.waitstatus_to_exitcode(status)
    if code > 0:
        raise LaunchFailed(
            f"{command.name} exited with status {code}: only starts that succeed can be compared; "
            "run it by hand to see why."
        )
    if code < 0:
        raise LaunchFailed(
            f"{command.name} was ended by signal {-code} ({signal.strsignal(-code)}): "
            "run it by hand to see why."
        )


def out_of_time(command: Command, timeout: float) -> LaunchFailed:
    """Return the error for a program that did not end."""
    return LaunchFailed(
        f"{command.name} did not end within {timeout:g} s and was killed: "
        "give it arguments with which it ends, or a longer --timeout."
    )


def not_ready(command: Command, timeout: float) -> LaunchFailed:
    """Return the error for a server that did not say where it listens."""
    return LaunchFailed(
        f"{command.name} did not print its address within {timeout:g} s and was killed: "
        "its first line must be 'ready HOST:PORT', or it needs a longer --timeout."
    )
