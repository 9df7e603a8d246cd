"""Where in memory the parts of a program come to lie, start by start.

The kernel loads a file of type ET_DYN at an address that it draws anew for each start, unless
/proc/sys/kernel/randomize_va_space is 0 (proc_sys_kernel(5)); one of type ET_EXEC lies where its
own headers say.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.table import Table

PARTS = ("code", "data", "heap", "stack")


@dataclass(frozen=True)
class Placement:
    """The addresses of one start of one build."""

    build: str
    start: int
    code: int
    data: int
    heap: int
    stack: int


@dataclass(frozen=True)
class Places:
    """In how many different places the parts of a build lay, over so many starts."""

    build: str
    starts: int
    code: int
    data: int
    heap: int
    stack: int


def aslr() -> str:
    """Return what the kernel draws at random: "off", "stack and libraries", "all", "unknown"."""
    words = {"0": "off", "1": "stack and libraries", "2": "all"}
    try:
        return words.get(Path("/proc/sys/kernel/randomize_va_space").read_text().strip(), "unknown")
    except OSError:
        return "unknown"


def placements(builds: Mapping[str, Path], starts: int = 20) -> Table[Placement]:
    """Start builds of the program `addresses`, in turns, and return what they print.

    Raises:
        LabError: one does not run, or prints something else.
    """
    return Table(
        Placement(name, start, *_addresses(path))
        for start in range(starts)
        for name, path in builds.items()
    )


def places(rows: Table[Placement]) -> Table[Places]:
    """Count the different addresses of each part, a row a build."""
    found: Table[Places] = Table()
    for build in dict.fromkeys(row.build for row in rows):
        own = [row for row in rows if row.build == build]
        counts = (len({getattr(row, part) for row in own}) for part in PARTS)
        found.append(Places(build, len(own), *counts))
    return found


def _addresses(path: Path) -> list[int]:
    try:
        done = subprocess.run(
            [str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10
        )
        said = dict(line.split() for line in done.stdout.splitlines())
        return [int(said[part], 16) for part in PARTS]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise LabError(
            f"{path.name} did not print its addresses ({error!r}): "
            "give a build of the program addresses."
        ) from error
