"""A place of its own for each start: folder, home and temporary files, and nothing left behind.

What a program writes at its first start, it would find at its second: then no two starts are
alike. And nothing of the user's is to be changed by a measurement.
"""

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labhelpers.errors import LabError

CLONE_FS = 0x200
"""clone(2): the folder in which a process stands belongs to each thread by itself."""
TOKEN = "GOLAB_START"
LOOKS = 200
_own = threading.local()


@dataclass(frozen=True)
class Place:
    """One start's folders: where it stands, its home, and where its temporary files go."""

    folder: Path
    home: Path
    temporary: Path

    def variables(self) -> dict[str, str]:
        """Return the environment variables that name them."""
        own = {"HOME": self.home, "TMPDIR": self.temporary}
        for name, part in (
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_RUNTIME_DIR", ".run"),
        ):
            own[name] = self.home / part
        return {name: str(path) for name, path in own.items()}


@contextlib.contextmanager
def own_place(parent: Path, template: Path | None = None) -> Iterator[Place]:
    """Make the folders of one start, the first of them a copy of `template`; remove them after.

    Raises:
        LabError: the template cannot be copied.
    """
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as root:
        place = Place(Path(root) / "work", Path(root) / "home", Path(root) / "tmp")
        place.home.mkdir()
        place.temporary.mkdir()
        try:
            if template:
                shutil.copytree(template, place.folder, symlinks=True)
            else:
                place.folder.mkdir()
        except (OSError, shutil.Error) as error:
            raise LabError(
                f"The folder {template} could not be copied for a start ({error}): "
                "name one that holds just what the program needs (--folder)."
            ) from error
        yield place


@contextlib.contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    """Stand in a folder for a moment, this thread alone where the kernel allows that.

    Source: unshare(2), CLONE_FS; posix_spawn(3) has no portable way to name a folder.
    """
    if not getattr(_own, "unshared", False):
        ctypes.CDLL(None).unshare(CLONE_FS)
        _own.unshared = True
    before = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        os.chdir(folder)
        yield
    finally:
        os.fchdir(before)
        os.close(before)


@dataclass
class Strays:
    """What a run has started, known by a variable in its environment that children inherit."""

    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def variables(self) -> Mapping[str, str]:
        """Return the variable."""
        return {TOKEN: self.token}

    def end(self) -> list[str]:
        """Kill the processes that still run, and return their names.

        Found in /proc/PID/environ (proc(5)); a program that overwrites its environment hides. One
        that is found may just have started another, so that this looks until there is none.
        """
        names: dict[int, str] = {}
        for _ in range(LOOKS):
            found = self._running()
            if not found:
                break
            names |= found
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        return list(names.values())

    def _running(self) -> dict[int, str]:
        needle = f"{TOKEN}={self.token}".encode()
        names = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with contextlib.suppress(OSError):
                    if needle in (folder / "environ").read_bytes():
                        names[int(folder.name)] = (folder / "comm").read_text().strip()
        return names
