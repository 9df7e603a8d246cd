"""Which pages of its file a cold start brings in: those that it maps, and those read along.

mincore(2) tells what the kernel holds in the page cache, /proc/PID/pagemap
(Documentation/admin-guide/mm/pagemap.rst) what is mapped into the running process. A fault maps
the pages around it, too, if they are in the cache: 16 at once (mm/memory.c, fault-around).
"""

import ctypes
import mmap
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labhelpers.errors import LabError
from labhelpers.startup import pagecache

Pages = npt.NDArray[np.bool_]

PRESENT = 1 << 63
SECONDS = 10


@dataclass(frozen=True)
class Stretch:
    """Neighbouring pages of a file that share group and fate. `start` and `pages` in pages."""

    group: str
    start: int
    pages: int
    read: bool
    mapped: bool


@dataclass(frozen=True)
class ColdPages:
    """What became of every page of a file at one cold start."""

    read: Pages
    mapped: Pages


def resident_pages(path: Path) -> Pages:
    """Return for each page of a file whether it is in the page cache.

    Raises:
        OSError: it cannot be opened or mapped; an empty file cannot.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
        view = np.frombuffer(memory, np.uint8)
        flags = np.zeros(-(-len(view) // mmap.PAGESIZE), np.uint8)
        failed = libc.mincore(
            ctypes.c_void_p(view.ctypes.data),
            ctypes.c_size_t(len(view)),
            ctypes.c_void_p(flags.ctypes.data),
        )
        del view  # memory cannot be unmapped while something looks at it
    if failed:
        raise OSError(ctypes.get_errno(), "mincore failed", str(path))
    return (flags & 1).astype(bool)


def settled_pages(path: Path) -> Pages:
    """Return `resident_pages` once no more arrive: the kernel goes on reading in the background."""
    before = resident_pages(path)
    for _ in range(100):
        time.sleep(0.01)
        now = resident_pages(path)
        if (now == before).all():
            return now
        before = now
    return before


def mapped_pages(pid: int, path: Path) -> Pages:
    """Return for each page of a file whether a running process has it in its page table.

    A page that the process has written to is a copy of its own by now; it counts, too.

    Raises:
        OSError: the process has ended, or is not to be looked at.
    """
    status = path.stat()
    pages = np.zeros(-(-status.st_size // mmap.PAGESIZE), bool)
    with Path(f"/proc/{pid}/pagemap").open("rb") as table:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            ends, _, offset, _, inode, *_ = line.split()
            if int(inode) != status.st_ino:
                continue
            begin, end = (int(end, 16) // mmap.PAGESIZE for end in ends.split("-"))
            table.seek(begin * 8)
            entries = np.frombuffer(table.read((end - begin) * 8), "<u8")
            first = int(offset, 16) // mmap.PAGESIZE
            present = (entries & np.uint64(PRESENT)) != 0
            stretch = pages[first : first + len(present)]
            stretch |= present[: len(stretch)]
    return pages


def cold_start(path: Path, *arguments: str) -> ColdPages:
    """Start a program from a cold cache, and look at its pages once it has printed a line.

    The program must then wait for the end of its standard input.

    Raises:
        LabError: its pages do not leave the cache, or it prints no line.
        OSError: the kernel does not tell (/proc is restricted).
    """
    pagecache.make_cold(path)
    process = subprocess.Popen(
        [str(path), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        try:
            assert process.stdout
            if not process.stdout.readline():
                raise LabError(f"{path.name} printed no line: run it by hand to see why.")
            mapped = mapped_pages(process.pid, path)
            return ColdPages(settled_pages(path), mapped)
        finally:
            process.kill()


def touch(path: Path, offset: int, advice: int = mmap.MADV_NORMAL) -> Pages:
    """Read one byte of a cold file through a mapping; return what the kernel has then read.

    Args:
        path: of the file.
        offset: of the byte.
        advice: to the kernel, by madvise(2): with MADV_RANDOM it reads nothing ahead.

    Raises:
        LabError: its pages do not leave the cache.
    """
    pagecache.make_cold(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
        memory.madvise(advice)
        _ = memory[offset]
        return settled_pages(path)


def not_to_be_seen(path: Path) -> str | None:
    """Say why a cold start's pages cannot be looked at here, None where they can."""
    try:
        pagecache.make_cold(path)
        # Python is running, so some page of its own program is mapped.
        python = Path("/proc/self/exe").resolve()
        own = mapped_pages(int(Path("/proc/self").resolve().name), python)
    except (LabError, OSError):
        return "The pages of a cold start cannot be seen here (RAM disk, or /proc is restricted)."
    return None if own.any() else "This kernel does not tell which pages a process has mapped."


def stretches(seen: ColdPages, sections: Sequence[tuple[int, int, str]]) -> list[Stretch]:
    """Join neighbouring pages of one fate.

    Args:
        seen: the pages.
        sections: offset, bytes and group of each section, in order. A page belongs to the section
            that its first byte lies in, or the next one after it.
    """
    ends = [offset + size for offset, size, _ in sections]
    order = np.searchsorted(ends, np.arange(len(seen.read)) * mmap.PAGESIZE, side="right")
    groups = [sections[i][2] if i < len(sections) else "other" for i in order]
    found, start = [], 0
    for fate, run in groupby(zip(groups, seen.read, seen.mapped, strict=True)):
        pages = len(list(run))
        found.append(Stretch(fate[0], start, pages, bool(fate[1]), bool(fate[2])))
        start += pages
    return found
