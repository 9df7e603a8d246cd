"""The page cache as a factor of an experiment: a file's pages dropped or read in, and the proof.

No root is needed: posix_fadvise(2) drops clean pages that no process has mapped, and mincore(2)
tells which pages of a file are resident. Pages that others map, a shared C library's for example,
stay; and in a virtual machine the host may still hold what the guest let go.
"""

import ctypes
import mmap
import os
import shutil
from functools import cache
from pathlib import Path

from labhelpers.errors import LabError


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    ]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    return libc


def resident(path: Path) -> tuple[int, int]:
    """Return how many pages of a file are in the page cache, and how many it has.

    Source: mincore(2). The kernel tells it of files that one owns or may write to; of others it
    says that all pages are resident (Linux 5.2).

    Raises:
        OSError: the file cannot be opened or mapped.
    """
    libc = _libc()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        pages = -(-size // mmap.PAGESIZE)
        if not pages:
            return 0, 0
        address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), "mmap failed", str(path))
        try:
            flags = ctypes.create_string_buffer(pages)
            if libc.mincore(address, size, flags):
                raise OSError(ctypes.get_errno(), "mincore failed", str(path))
        finally:
            libc.munmap(address, size)
        return pages - flags.raw.count(b"\0"), pages
    finally:
        os.close(descriptor)


def drop(path: Path) -> int:
    """Let the kernel drop a file's pages; return how many are still resident (0 = cold)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    return resident(path)[0]


def warm(path: Path) -> None:
    """Read a file in, unless all its pages are resident already."""
    held, pages = resident(path)
    if held < pages:
        path.read_bytes()


def write_anew(original: Path, path: Path) -> None:
    """Put a fresh copy of a program in the place of the last one, elsewhere on the disk.

    Where a file lies on its disk shifts its cold start by some per cent, one and the same at every
    start. With a new place each time this becomes noise that pairs and intervals can see.
    """
    fresh = path.with_name(f"{path.name}.new")
    shutil.copyfile(original, fresh)
    fresh.chmod(0o755)
    fresh.replace(path)


def make_cold(path: Path) -> None:
    """Drop a file's pages and prove it.

    Raises:
        LabError: some stayed. A RAM disk cannot drop any; a running program keeps its own.
    """
    for _ in range(3):
        left = drop(path)
        if not left:
            return
    raise LabError(
        f"{left} pages of {path} stay in the page cache, so its cold start cannot be measured: "
        "end what runs or maps it, and keep the cache (GOLAB_CACHE) on a disk, not a RAM disk; "
        "or measure with --cache warm."
    )
