"""One run of `golab advise` in a thread of its own: what a panel starts, stops, and listens to.

Only one run at a time may measure in a process: two would measure each other.
"""

import shlex
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labhelpers.advice.advise import Question, advise
from labhelpers.advice.answer import Advice
from labhelpers.build import Binary
from labhelpers.errors import LabError, Stopped
from labhelpers.modules import find_package
from labhelpers.startup.measure import split_words
from labhelpers.startup.until import Exit, FirstByte, Until, http, tcp
from labhelpers.toolchain import toolchain

PAUSE = 0.4
"""Seconds between two reports of progress: more of them would take time from the starts."""
WHENS = {
    "exit": "when it exits",
    "first byte": "at the first byte of its output",
    "tcp": "when a TCP port answers",
    "http": "when a URL answers",
}
"""When a start can count as done, in words for people."""
_MEASURING = threading.Lock()


@dataclass(frozen=True)
class Asked:
    """What somebody filled in: a package, arguments as typed, when a start is done, and where.

    `when` is a key of `WHENS`; `address` is the port or URL that two of them need.
    """

    package: str
    arguments: str = ""
    when: str = "exit"
    address: str = ""

    def until(self) -> Until:
        """Return when a start counts as done.

        Raises:
            LabError: the address is missing or none.
        """
        if self.when not in ("tcp", "http"):
            return FirstByte() if self.when == "first byte" else Exit()
        try:
            return tcp(self.address) if self.when == "tcp" else http(self.address)
        except LabError as error:
            what, example = "port", "8080 or 127.0.0.1:8080"
            if self.when == "http":
                what, example = "address of a page", "http://127.0.0.1:8080/"
            raise LabError(
                f"{self.address!r} is no {what}: write it like {example}, where the program "
                "listens."
            ) from error

    def question(self, stop: threading.Event, **options: Any) -> Question:  # noqa: ANN401
        """Return the question to ask; `options` are further fields of it.

        Raises:
            LabError: a field that cannot be read, or a package that cannot be had.
        """
        if not self.package:
            raise LabError("Name a package first: hello, a folder, or example.com/tool@v1.2.3.")
        until, words = self.until(), tuple(split_words(self.arguments))
        chain = toolchain("current")
        return Question(
            program=find_package(self.package, chain, stop),
            chain=chain,
            package=self.package,
            until=until,
            arguments=words,
            **options,
        )

    def command(self) -> str:
        """Return the same as a command for a terminal."""
        words = ["golab", "advise", self.package]
        words += ["--args", self.arguments] if self.arguments else []
        words += {
            "first byte": ["--first-byte"],
            "tcp": ["--ready-tcp", self.address],
            "http": ["--ready-http", self.address],
        }.get(self.when, [])
        return shlex.join(words)


@dataclass(frozen=True)
class Told:
    """How far a run is: what it does, in words, how much of how much, and whether it has ended."""

    words: str
    done: int = 0
    whole: int = 0
    ended: bool = False


class AdviseRun:
    """One run; `told` is called in its thread, and with the last word after all else is set.

    `built` is called there for every build. `result` is the answer, `failure` the sentence that
    says why there is none.
    """

    def __init__(
        self,
        asked: Asked,
        told: Callable[[Told], None],
        built: Callable[[Binary], None] = lambda binary: None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Take what was filled in, who listens, and further fields of the question."""
        self.asked = asked
        self.told = told
        self.built = built
        self.options = options
        self.stopping = threading.Event()
        self.result: Advice | None = None
        self.failure: str | None = None
        self._stage, self._done, self._last = "", 0, 0.0
        self._thread = threading.Thread(target=self._work, name="golab advise")

    def start(self) -> bool:
        """Begin; return False where another run of this process is at it."""
        if not _MEASURING.acquire(blocking=False):
            return False
        self._thread.start()
        # When the kernel is shut down while this runs, what it has started is to go with it.
        threading.Thread(target=self._stop_with_the_process, daemon=True).start()
        return True

    def stop(self) -> None:
        """Ask it to end; it does within a second."""
        self.stopping.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end; return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _stop_with_the_process(self) -> None:
        threading.main_thread().join()
        self.stop()

    def _work(self) -> None:
        last = "It ended without an answer."
        try:
            self.told(Told(f"Looking for {self.asked.package or 'a package'} …"))
            question = self.asked.question(self.stopping, **self.options)
            self.told(Told("Asking why cgo is in it, and building it as it is …"))
            self.result = advise(question, self._progress, self.stopping, self.built)
            last = "Done."
        except Stopped:
            last = "Stopped. Finished builds are kept, and so the next run begins sooner."
        except LabError as error:
            last = self.failure = str(error)
        except Exception as error:  # a thread's exception would be seen nowhere
            last = self.failure = f"golab itself failed, {type(error).__name__}: {error}"
        finally:
            _MEASURING.release()
            self.told(Told(last, ended=True))

    def _progress(self, stage: str, more: int, whole: int) -> None:
        if stage != self._stage:
            self._stage, self._done = stage, 0
        self._done += more
        now = time.monotonic()
        if now - self._last < PAUSE and self._done < whole:
            return
        self._last = now
        words = {"build": "Building", "start": "Starting and measuring"}.get(stage, stage)
        self.told(Told(f"{words}: {self._done} of {whole}", self._done, whole))
