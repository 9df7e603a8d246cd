"""Run the whole anatomy of a file in a process of its own, with limits of memory and time.

`Guard` starts one interpreter that loads everything once; for each file that one forks a child,
which gets RLIMIT_AS (what it has, and the file's allowance on top) and RLIMIT_CPU, and is killed
where it sleeps for too long. What came out is an `Outcome`: good where it is a result or a LabError
of one sentence, and the memory kept to the allowance.

Memory: `peak` is the child's ru_maxrss (getrusage(2)) less that of a child that does nothing, in
bytes. The limit is 3 × file + `FIXED`: what is needed for any file, however small.
"""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

CPU_SECONDS = 10
WALL_SECONDS = 60.0
FIXED = 64 << 20
ADDRESS_SPACE = 256 << 20
"""What a child may map beyond 3 × file + FIXED: reserved is not used, and `peak` counts use."""


@dataclass(frozen=True)
class Outcome:
    """What one anatomy came to.

    kind: "result", "error" (a LabError), "exception" (any other), "wrong" (a result that
    contradicts itself, or an error of more than a sentence), "hang", "killed", "memory".
    where: the innermost line of labhelpers in a traceback. seconds: CPU time of the child.
    """

    kind: str
    what: str
    where: str
    detail: str
    seconds: float
    peak: int

    @property
    def good(self) -> bool:
        """Whether that is what a user may meet."""
        return self.kind in ("result", "error")

    @property
    def key(self) -> str:
        """What makes two findings the same."""
        return f"{self.kind} {self.what} {self.where}"


class Guard:
    """The interpreter that forks a child for each file. Use it in a `with` statement."""

    def __init__(self, warm: Path) -> None:
        """Start it; `warm` is a sound file that makes it load all modules."""
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(warm)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._line()

    def run(self, path: Path, other: Path | None = None) -> Outcome:
        """Run the anatomy of `path`, and its difference to `other`."""
        assert self.process.stdin is not None
        request = {"path": str(path), "other": str(other) if other else None}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return Outcome(**self._line())

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the guard itself ended with status {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> "Guard":
        """Return the running guard."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def everything(path: Path, other: Path | None) -> None:
    """Do all that can be asked for about a file, and check what must hold for any file.

    Raises:
        LabError: it cannot be read.
        AssertionError: the result contradicts itself.
    """
    from labhelpers.binary.anatomy import anatomy
    from labhelpers.binary.diff import diff

    found = anatomy(path)
    size = path.stat().st_size
    assert found.file_bytes == size, "size"
    assert sum(leaf.file_bytes for leaf in found.ledger.leaves) == size, "ledger"
    assert all(leaf.file_bytes >= 0 for leaf in found.ledger.leaves), "negative leaf"
    json.dumps(found.as_dict(), allow_nan=False)
    if other is None:
        return
    with_other = diff(anatomy(other), found)
    assert with_other.bytes == size - other.stat().st_size, "difference"
    for table in (with_other.sections, with_other.packages, with_other.symbols):
        assert sum(row.delta for row in table) == with_other.bytes, "deltas"


def child(path: Path, other: Path | None, allowance: int, pipe: int) -> None:
    """Work under limits, and write kind, what, where and detail to the pipe."""
    from labhelpers.errors import LabError

    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = mapped + allowance + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kind, what, where, detail = "result", "", "", ""
    try:
        everything(path, other)
    except LabError as error:
        what, detail = type(error).__name__, str(error)
        kind = "wrong" if "\n" in detail or len(detail) > 400 else "error"
    except BaseException as error:
        kind = "wrong" if isinstance(error, AssertionError) else "exception"
        what = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if "/labhelpers/" in frame.filename] or list(frames)
        where = f"{Path(own[-1].filename).name}:{own[-1].name}:{own[-1].lineno}"
        detail = "".join(traceback.format_exception(error))[-4000:]
    os.write(pipe, json.dumps([kind, what, where, detail]).encode())


def bytes_on_disk(path: Path | None) -> int:
    """Return a file's size; holes do not count, as they hold nothing to keep in memory."""
    if path is None or not path.is_file():
        return 0
    status = path.stat()
    return min(status.st_size, 512 * status.st_blocks)


def forked(path: Path, other: Path | None, idle: int) -> Outcome:
    """Fork a child for one file, wait for its end, and judge it."""
    allowance = 3 * (bytes_on_disk(path) + bytes_on_disk(other)) + FIXED
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            child(path, other, allowance, writing)
        finally:
            os._exit(0)
    os.close(writing)
    answer, hung = b"", False
    end = time.monotonic() + WALL_SECONDS
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            hung = True
            os.kill(pid, signal.SIGKILL)
            break
        piece = os.read(reading, 1 << 16)
        if not piece:
            break
        answer += piece
    os.close(reading)
    _, status, usage = os.wait4(pid, 0)
    peak = usage.ru_maxrss * 1024 - idle
    seconds = round(usage.ru_utime + usage.ru_stime, 3)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if hung or number in (signal.SIGXCPU, signal.SIGKILL):
        return Outcome("hang", "wall" if hung else "CPU", "", "", seconds, peak)
    if not answer:
        return Outcome("killed", f"signal {number}", "", "", seconds, peak)
    kind, what, where, detail = json.loads(answer)
    if kind in ("result", "error") and peak > allowance:
        kind, detail = "memory", f"{peak:,} bytes, {allowance:,} allowed; {kind} {what} {detail}"
        what = ""
    return Outcome(kind, what, where, detail, seconds, peak)


def main() -> None:
    """Answer requests from standard input, a line of JSON each."""
    warm = Path(sys.argv[1])
    everything(warm, warm)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.close(reading)
    os.close(writing)
    idle = os.wait4(pid, 0)[2].ru_maxrss * 1024
    print("{}", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        other = Path(request["other"]) if request["other"] else None
        print(json.dumps(asdict(forked(Path(request["path"]), other, idle))), flush=True)


if __name__ == "__main__":
    main()
