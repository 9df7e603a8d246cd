"""Ctrl-C that Python itself would lose.

An exception inside a weak reference's callback or a finaliser is printed and dropped, Ctrl-C's own
among them; the import system runs such a callback at the end of every import
(importlib._bootstrap._get_module_lock). The program then goes on as if nobody had pressed anything.
"""

import _thread
import sys
import threading

SOON = 0.01
"""Seconds after which the key is pressed again: the callback has ended by then."""


def press_again() -> None:
    """Let a Ctrl-C that was dropped come again a moment later; other exceptions go their way."""
    before = sys.unraisablehook

    def hook(dropped: "sys.UnraisableHookArgs") -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            threading.Timer(SOON, _thread.interrupt_main).start()
        else:
            before(dropped)

    sys.unraisablehook = hook
