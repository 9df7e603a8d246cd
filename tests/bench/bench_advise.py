"""How long `golab advise` and each lab take with warm caches, and how much memory.

What, and the most it may be:

- `golab advise hello`, from its start to its end: 60 s.
- `golab advise web-gin`, a small service on a web framework, to its first answer: 180 s.
- Each lab, all of its cells in a fresh kernel, as `golab test` runs it: 120 s.
- The most memory that golab and its children, or a lab's kernel and its children, had resident
  at one moment: 1 GB (the sum of the PSS of all processes below this one, /proc/PID/smaps_rollup,
  which shares pages out among those that share them; looked at every 0.2 s).

Run:   python tests/bench/bench_advise.py [--labs NUMBER …] [--no-advise]
Needs: what golab and the labs need; each thing is run once uncounted before, which warms caches.
Units: seconds, and MB of 10^6 bytes. One counted run each.
Takes: some 3 minutes for advise, some 1 to 3 minutes a lab.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from report import Row, deliver, say

ROOT = Path(__file__).resolve().parents[2]
POLL_SECONDS = 0.2


def children_of() -> dict[int, list[int]]:
    """Return the processes that each process has started."""
    found: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found.setdefault(int(fields[1]), []).append(int(folder.name))
    return found


def resident_bytes(root: int) -> int:
    """Return the PSS of a process and of all below it."""
    children, waiting, whole = children_of(), [root], 0
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        whole += sum(int(x.split()[1]) for x in text.splitlines() if x.startswith("Pss:"))
    return whole * 1024


def watched(argv: Sequence[str], folder: Path) -> tuple[int, float, int]:
    """Run a command to its end; return its status, its seconds, and its most memory."""
    begin, peak = time.perf_counter(), 0
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while True:
            peak = max(peak, resident_bytes(process.pid))
            try:
                status = process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return status, time.perf_counter() - begin, peak


def rows(name: str, argv: Sequence[str], seconds: float) -> list[Row]:
    """Run a command twice and return what the second run took."""
    with tempfile.TemporaryDirectory() as folder:
        say(f"{name}, to warm the caches")
        watched(argv, Path(folder))
        say(name)
        status, took, peak = watched(argv, Path(folder))
    if status:
        say(f"{name} exited with status {status}")
    good = status == 0
    return [
        Row(name, took if good else None, "s", target=seconds),
        Row(f"{name}, peak memory", peak / 1e6 if good else None, "MB", target=1000),
    ]


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--labs", nargs="*", default=["*"], help="numbers, such as 03 07")
    parser.add_argument("--no-advise", action="store_true", help="only the labs")
    options = parser.parse_args()
    golab = str(Path(sys.executable).with_name("golab"))
    found: list[Row] = []
    if not options.no_advise:
        found += rows("golab advise hello", [golab, "advise", "hello"], 60)
        found += rows("golab advise web-gin", [golab, "advise", "web-gin"], 180)
    for number in options.labs:
        for lab in sorted((ROOT / "labs").glob(f"{number}-*.ipynb")):
            nbval = ["--nbval", "--nbval-current-env", "-q"]
            execute = [sys.executable, "-m", "pytest", *nbval, str(lab)]
            found += rows(f"lab {lab.stem}", execute, 120)
    return deliver("advise", found, vars(options))


if __name__ == "__main__":
    sys.exit(main())
