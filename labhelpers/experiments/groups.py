"""A control group of one's own for a moment: a CPU quota, or a limit to the number of threads.

Needs the right to make a folder below a mounted cgroup(7) hierarchy that has the controller: mostly
root's. Version 1 and 2; nothing that is there already is changed.
"""

import contextlib
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from labhelpers.errors import LabError
from labhelpers.experiments.turns import Talker

Controller = Literal["cpu", "pids"]
PERIOD_US = 100_000


@contextlib.contextmanager
def group(controller: Controller) -> Iterator[Path]:
    """Make a group, and take it away again when nothing runs in it any more.

    Raises:
        LabError: this machine lets us make none.
    """
    refusals = []
    for parent in _parents(controller):
        folder = parent / f"golab-{secrets.token_hex(4)}"
        try:
            folder.mkdir()
        except OSError as error:
            refusals.append(error.strerror or str(error))
            continue
        try:
            yield folder
        finally:
            _remove(folder)
        return
    why = "; ".join(dict.fromkeys(refusals)) or f"no hierarchy has the controller {controller}"
    raise LabError(f"No control group can be made here ({why}).")


def impossible(controller: Controller) -> str | None:
    """Return why no such group can be made here, in a sentence; None where one can."""
    try:
        with group(controller) as folder:
            limit(folder, quota(1.0) if controller == "cpu" else threads(1))
    except LabError as error:
        return str(error)
    return None


def quota(cores: float) -> Mapping[str, str]:
    """Return what to write into which file so that a group gets so many cores' time."""
    share = round(cores * PERIOD_US)
    return {
        "cpu.max": f"{share} {PERIOD_US}",
        "cpu.cfs_period_us": str(PERIOD_US),
        "cpu.cfs_quota_us": str(share),
    }


def threads(most: int) -> Mapping[str, str]:
    """Return what to write so that a group may have so many threads."""
    return {"pids.max": str(most)}


def limit(folder: Path, files: Mapping[str, str]) -> None:
    """Set a limit: write those of the files that this version of cgroups has.

    Raises:
        LabError: the kernel does not take it.
    """
    try:
        for name, text in files.items():
            if (folder / name).exists():
                (folder / name).write_text(text)
    except OSError as error:
        raise LabError(f"The limit {dict(files)} is refused ({error.strerror}).") from error


def within(folder: Path, talker: Talker) -> Talker:
    """Return a command that starts in the group: a shell enters it and becomes the program."""
    script = 'echo $$ > "$0" && exec "$@"'
    argv = ("/bin/sh", "-c", script, str(folder / "cgroup.procs"), *talker.argv)
    return Talker(talker.name, argv, talker.environment)


def _parents(controller: Controller) -> Iterator[Path]:
    """Yield the groups in which one with this controller can be made: the own one, then above."""
    own = dict(_own_groups())
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        top = Path(re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), before.split(" ")[4]))
        if kind == "cgroup" and controller in options.split(","):
            yield from _upwards(top, own.get(controller, "/"))
        elif kind == "cgroup2":
            for folder in _upwards(top, own.get("", "/")):
                # A group with processes in it hands its controllers on only at the very top.
                with contextlib.suppress(OSError):
                    if controller in (folder / "cgroup.subtree_control").read_text().split():
                        yield folder


def _own_groups() -> Iterator[tuple[str, str]]:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _upwards(top: Path, path: str) -> Iterator[Path]:
    folder = top / path.lstrip("/")
    for place in (folder, *folder.parents):
        if place.is_relative_to(top) and place.is_dir():
            yield place


def _remove(folder: Path) -> None:
    """Remove a group; its last process may need a moment to leave it."""
    for _ in range(200):
        try:
            folder.rmdir()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise LabError(f"The control group {folder} is still in use: remove it with rmdir.")
