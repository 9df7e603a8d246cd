"""The system calls of a start, by stage: what is asked while loading, by Go's runtime, by main.

strace(1) tells the calls; two marks in the runtime tell the stages. A mark is a call of its own
that fails and does nothing, a write to no file, which an overlay puts into the runtime's source:
one at the head of schedinit, the other right before main.main is called (runtime/proc.go, main).
"""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labhelpers.build import Binary, build_all
from labhelpers.errors import LabError
from labhelpers.experiments.linkmodes import MODES
from labhelpers.experiments.probes import run
from labhelpers.overlayfiles import Overlay
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

STAGES = ("loading", "runtime", "main")
MARKS = ("golab schedinit", "golab main.main")
"""What the marks write: each ends one of the first two stages."""
RUNS = 5
PROC = "runtime/proc.go"
ANCHORS = {
    MARKS[0]: ("func schedinit() {\n", "{anchor}\t{mark}\n"),
    MARKS[1]: ("\tfn := main_main", "\t{mark}\n{anchor}"),
}

CALL = re.compile(
    r"^(?P<pid>\d+)\s+(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<name>\w+)\()(?P<rest>.*)$"
)
RETURNED = re.compile(r"\)\s+= (?P<result>\S+)")


@dataclass(frozen=True)
class Call:
    """One system call of a process: thread, name, the rest of strace's line, what it returned.

    `result` is empty where it never returned.
    """

    thread: int
    name: str
    arguments: str
    result: str

    @property
    def path(self) -> str:
        """The first text in quotes among the arguments: of a call that opens, the file's name."""
        found = re.search(r'"((?:[^"\\]|\\.)*)"', self.arguments)
        return found[1] if found else ""


@dataclass(frozen=True)
class StartCalls:
    """The system calls of one start, the median of some; `opened` are the files, in their order.

    `libraries` are those of them that are shared libraries. `threads` counts clones. `calls` are
    the names with how often each was called before main: "mmap:24 read:7".
    """

    go: str
    program: str
    mode: str
    loading: int
    runtime: int
    main: int
    threads: int
    libraries: str
    opened: str
    calls: str

    @property
    def before_main(self) -> int:
        """Calls before main.main is called."""
        return self.loading + self.runtime

    @property
    def total(self) -> int:
        """All calls."""
        return self.before_main + self.main


@dataclass(frozen=True)
class CallDifference:
    """How often two starts make one system call before main; `more` is the second's surplus."""

    call: str
    first: int
    second: int
    more: int


def impossible() -> str | None:
    """Return why system calls cannot be traced here, in a sentence; None where they can."""
    if not shutil.which("strace"):
        return "strace is not on this machine."
    status, text = run("strace", "-f", "-qq", "-o", "/dev/null", "true")
    if status:
        return f"strace may trace nothing here ({text.strip().splitlines()[-1:]})."
    return None


def parse_strace(text: str) -> list[Call]:
    """Return the calls of what `strace -f -o FILE` wrote, in the order in which they began.

    A call that another thread interrupts is told in two lines, "<unfinished ...>" and "resumed".
    Lines that are no calls, of signals ("---") and ends ("+++"), are left out.
    """
    calls: list[Call] = []
    open_calls: dict[int, int] = {}
    for line in text.splitlines():
        found = CALL.match(line)
        if not found:
            continue
        thread, rest = int(found["pid"]), found["rest"]
        returned = [own["result"] for own in RETURNED.finditer(rest)]
        result = returned[-1] if returned else ""
        if found["resumed"]:
            begun = open_calls.pop(thread, None)
            if begun is not None and calls[begun].name == found["resumed"]:
                whole = calls[begun].arguments + rest
                calls[begun] = replace(calls[begun], arguments=whole, result=result)
            continue
        if rest.endswith("<unfinished ...>"):
            open_calls[thread] = len(calls)
            rest = rest.removesuffix("<unfinished ...>")
        calls.append(Call(thread, found["name"], rest, result))
    return calls


def by_stage(calls: Sequence[Call]) -> dict[str, list[Call]]:
    """Divide the calls of a marked program at its marks, which themselves do not count.

    Raises:
        LabError: a mark is missing.
    """
    stages: dict[str, list[Call]] = {stage: [] for stage in STAGES}
    at = 0
    for call in calls:
        if call.name == "execve" and not any(stages.values()):
            continue  # the start itself
        if at < len(MARKS) and call.name == "write" and call.path == MARKS[at]:
            at += 1
        else:
            stages[STAGES[at]].append(call)
    if at < len(MARKS):
        raise LabError(f"The trace has no mark {MARKS[at]!r}: the program is not marked.")
    return stages


def marked(chain: Toolchain) -> Overlay:
    """Return the overlay that puts the marks into a release's runtime.

    Raises:
        MissingAnchor: its source has no place for them.
    """
    text = source(chain, PROC)
    for mark, (anchor, form) in ANCHORS.items():
        if text.count(anchor) != 1:
            raise MissingAnchor(chain.release, PROC, "", anchor.strip())
        call = f'write1(^uintptr(0), unsafe.Pointer(unsafe.StringData("{mark}")), {len(mark)})'
        text = text.replace(anchor, form.format(anchor=anchor, mark=call))
    return ((PROC, text),)


def start_calls(
    chain: Toolchain, programs: Sequence[str], modes: Sequence[str] = tuple(MODES)
) -> Table[StartCalls]:
    """Trace a start of each program in each mode, and count its calls by stage and by name.

    Of `RUNS` starts the one with the median number of calls counts.

    Raises:
        LabError: a program does not build or run, or strace does not.
    """
    overlay = marked(chain)
    pairs = [(program, mode) for program in programs for mode in modes]
    jobs = [
        (find_program(program), replace(MODES[mode], overlay=overlay), chain)
        for program, mode in pairs
    ]
    rows: Table[StartCalls] = Table()
    for (program, mode), binary in zip(pairs, build_all(jobs), strict=True):
        stages = _median_start(binary)
        everything = [call for own in stages.values() for call in own]
        files = opened(everything)
        names = Counter(call.name for stage in STAGES[:2] for call in stages[stage])
        rows.append(
            StartCalls(
                go=chain.release,
                program=program,
                mode=mode,
                **{stage: len(own) for stage, own in stages.items()},
                threads=sum(call.name in ("clone", "clone3") for call in everything),
                libraries=" ".join(Path(file).name for file in files if _is_library(file)),
                opened=" ".join(files),
                calls=" ".join(f"{name}:{count}" for name, count in names.most_common()),
            )
        )
    return rows


def call_differences(first: str, second: str) -> Table[CallDifference]:
    """Compare the `calls` of two starts: the names that differ, the largest difference first."""
    a, b = _counts(first), _counts(second)
    rows = [CallDifference(name, a[name], b[name], b[name] - a[name]) for name in {**a, **b}]
    return Table(sorted((r for r in rows if r.more), key=lambda r: (-abs(r.more), r.call)))


def _counts(calls: str) -> Counter[str]:
    pairs = (pair.partition(":") for pair in calls.split())
    return Counter({name: int(count) for name, _, count in pairs})


def opened(calls: Sequence[Call]) -> list[str]:
    """Return the files that were opened with success, each once, in their order."""
    files = [c.path for c in calls if c.name in ("open", "openat") and c.result.isdigit()]
    return list(dict.fromkeys(files))


def _is_library(file: str) -> bool:
    return bool(re.search(r"\.so(\.\d+)*$", file))


def _median_start(binary: Binary) -> dict[str, list[Call]]:
    if binary.path is None:
        raise LabError(f"{binary.program} does not build: {binary.error}")
    starts = [by_stage(trace(binary.path)) for _ in range(RUNS)]
    starts.sort(key=lambda stages: sum(map(len, stages.values())))
    return starts[RUNS // 2]


def trace(path: Path) -> list[Call]:
    """Start a program under strace and return its system calls.

    Raises:
        LabError: strace or the program failed.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir("c"), prefix="strace-") as folder:
        file = Path(folder) / "calls"
        status, text = run("strace", "-f", "-qq", "-s", "128", "-o", file, path)
        if status:
            raise LabError(f"strace {path.name} ended with status {status}: {text[-200:]!r}")
        return parse_strace(file.read_text(errors="replace"))
