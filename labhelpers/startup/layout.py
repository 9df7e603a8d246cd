"""Starting a program without address space randomisation, so that its addresses are known before.

personality(2): the flag is the calling thread's, and children inherit it.
"""

import contextlib
import ctypes
from collections.abc import Iterator

from labhelpers.errors import LabError

ASK, NO_RANDOMISATION = 0xFFFFFFFF, 0x0040000


class LayoutRefused(LabError):
    """The addresses of a program cannot be fixed here."""


@contextlib.contextmanager
def fixed_layout() -> Iterator[None]:
    """Start what the body starts at fixed addresses.

    Raises:
        LayoutRefused: the kernel does not allow it (a container's seccomp filter, often).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    before = libc.personality(ctypes.c_ulong(ASK))
    if before < 0 or libc.personality(ctypes.c_ulong(before | NO_RANDOMISATION)) < 0:
        raise LayoutRefused("address space randomisation cannot be switched off here")
    try:
        yield
    finally:
        libc.personality(ctypes.c_ulong(before))
