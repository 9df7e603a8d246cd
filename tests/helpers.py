"""Small things that several test files do."""

import mmap
import os
import time
from pathlib import Path

import pytest

from labhelpers.machine import file_system


def names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def open_files() -> int:
    """Return how many files this process has open."""
    return len(names(Path("/proc/self/fd")))


def gone(pid: int) -> bool:
    """Say whether a process has ended, waiting a little for one whose end is under way."""
    for _ in range(300):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        if stat.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def file_on_disk(folder: Path, pages: int) -> Path:
    """Write a file of so many pages, the last not full; skip where pages cannot be dropped."""
    if file_system(folder) == "tmpfs":
        pytest.skip("the temporary folder is a RAM disk")
    file = folder / "file"
    file.write_bytes(os.urandom(pages * mmap.PAGESIZE - 100))
    return file
