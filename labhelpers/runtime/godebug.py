"""Run a program with GODEBUG and take what the runtime reports on standard error.

The runtime and the program share that stream: a report is a line that begins like one, and every
other line is the program's own. A line that begins like a report and does not go on like one was
torn by the program's own output, and stops the reading: half a line would give a wrong number.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.startup.spawn import Command


def torn(report: str, number: int, line: str) -> LabError:
    """Return the error for a line that begins like a report of the runtime and is none.

    Args:
        report: which one, as in GODEBUG.
        number: of the line, from 1.
        line: the whole of it; its first 80 characters are shown.
    """
    return LabError(
        f"Line {number} is no whole line of {report}: {line[:80]!r}; the program writes to "
        "standard error at the same time, so let it write elsewhere or run it again."
    )


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """Return each line with its number from 1, split at line feeds only, as the runtime ends it."""
    return enumerate(text.split("\n"), start=1)


def with_godebug(command: Command, settings: str) -> dict[str, str]:
    """Return the command's environment with these settings after those that are there."""
    environment = dict(command.environment)
    before = environment.get("GODEBUG", "")
    environment["GODEBUG"] = f"{before},{settings}" if before else settings
    return environment


def run_with_godebug(command: Command, settings: str, timeout: float = 10.0) -> str:
    """Start a command once with GODEBUG set; return what it wrote to standard error.

    Whatever its exit status: a program that stops for want of arguments has run its inits. Its
    standard input is empty, and its standard output is thrown away.

    Args:
        command: what to start.
        settings: as in GODEBUG, such as "inittrace=1".
        timeout: seconds after which the program and what it started are killed.

    Raises:
        LabError: it cannot be started, or does not end in time.
    """
    try:
        process = subprocess.Popen(
            command.argv,
            env=with_godebug(command, settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise LabError(
            f"{command.name} could not be started ({error.strerror}: {command.argv[0]}): "
            "check that the file is there and executable."
        ) from error
    try:
        _, written = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"{command.name} did not end within {timeout:g} s and was killed: "
            "give it arguments with which it ends."
        ) from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr:
            process.stderr.close()
    return written.decode(errors="replace")


def program(path: Path, *arguments: str, name: str = "") -> Command:
    """Return the command that starts a file with these arguments."""
    return Command(name or path.name, (str(path), *arguments))
