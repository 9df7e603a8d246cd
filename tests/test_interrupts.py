"""Ctrl-C in a place where Python drops exceptions."""

import subprocess
import sys

DROPPED = """
import gc, signal, time, weakref
from labhelpers.interrupts import press_again

class Thing: pass

{press}
thing = Thing()
reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
try:
    del thing
    time.sleep(2)
    print("lost")
except KeyboardInterrupt:
    print("pressed")
"""


def run(press: str) -> str:
    command = [sys.executable, "-c", DROPPED.format(press=press)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_ctrl_c_that_python_drops_comes_again() -> None:
    assert run("press_again()") == "pressed"


def test_without_it_python_drops_it() -> None:
    assert run("") == "lost"
