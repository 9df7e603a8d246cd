"""The order in which the Go runtime starts, read from the source text of a release.

Nothing here is a list kept by hand: the steps are those between which the instrumented runtime puts
its stamps (runtime/instrument.py), and who calls a function is asked of the text again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Literal

from labhelpers.runtime.instrument import instrument
from labhelpers.runtime.overlay import source
from labhelpers.runtime.statements import calls, function
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

PROC = "runtime/proc.go"
ARTICLE = ("rt0_go", "stackinit", "mallocinit", "mfixalloc_init", "schedinit", "sysmon")
"""The article's chain, in its order."""

ELSEWHERE = re.compile(
    r"_(aix|android|darwin|dragonfly|freebsd|illumos|ios|js|netbsd|openbsd\d?|plan9|solaris|wasip1|"
    r"windows|wasm|386|arm|arm64|loong64|mips\w*|ppc64\w*|riscv64|s390x|test)(_\w+)?\.(go|s)$"
)
"""Files that no build for linux/amd64 holds (`go help buildconstraint`), and tests."""


@dataclass(frozen=True)
class Link:
    """One step of a start: its number from the entry on, of which function, and where it stands."""

    go: str
    position: int
    function: str
    step: str
    source: str


@dataclass(frozen=True)
class Against:
    """One step of the article's chain against a release's source.

    `defined` and `called_by` are empty where there is no such function; `position` is its number
    in the true chain, that of its first part where it has several; None: it has none.
    """

    go: str
    step: str
    defined: str
    called_by: str
    position: int | None


@dataclass(frozen=True)
class Use:
    """One place where a function of the runtime is called, and the function it stands in."""

    go: str
    function: str
    caller: str
    source: str


@dataclass(frozen=True)
class Demand:
    """An order that a comment beside a call demands, and whether the text keeps it."""

    go: str
    step: str
    before: str
    holds: bool
    source: str


@dataclass(frozen=True)
class Change:
    """What a release changed in the chain of the one before it."""

    go: str
    change: Literal["added", "removed", "moved"]
    function: str
    step: str


def chain(toolchain: Toolchain) -> Table[Link]:
    """Return every step from the entry to main.main, except the init tasks of packages.

    Raises:
        MissingAnchor: this release's runtime is laid out differently.
    """
    stamps = instrument(toolchain, architecture="x86_64").stamps
    return Table(
        Link(toolchain.release, number, stamp.function, stamp.step, stamp.source)
        for number, stamp in enumerate(stamps, 1)
    )


def against(toolchain: Toolchain) -> Table[Against]:
    """Return what became of each step of the article's chain in a release."""
    links = chain(toolchain)
    rows: Table[Against] = Table()
    for step in ARTICLE:
        where = defined(toolchain, step)
        callers = dict.fromkeys(use.caller for use in uses(toolchain, step))
        # schedinit is no step of its own: it is the steps that stand in it.
        own = [row.position for row in links if step in (row.function, row.step)]
        own = own or [row.position for row in links if f"({step})" in row.step]
        rows.append(
            Against(
                toolchain.release,
                step,
                where[0] if where else "",
                ", ".join(callers),
                own[0] if own else None,
            )
        )
    return rows


def runtime_files(toolchain: Toolchain) -> list[str]:
    """Return the runtime's files that a build for linux/amd64 may hold, below GOROOT/src."""
    folder = toolchain.goroot / "src" / "runtime"
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".go", ".s"))
    return [f"runtime/{name}" for name in names if not ELSEWHERE.search(name)]


def uses(toolchain: Toolchain, name: str) -> Table[Use]:
    """Return every place in the runtime that calls a function of this name.

    A function that is handed over to a new thread, as `newm(sysmon, …)`, counts as called.
    """
    rows: Table[Use] = Table()
    word = re.escape(name)
    go = re.compile(rf"(?<![\w.])(?:{word}\(|newm\({word}\b)")
    assembly = re.compile(rf"(?:CALL|JMP)\s+runtime·{word}\(SB\)")
    for file in runtime_files(toolchain):
        pattern = assembly if file.endswith(".s") else go
        caller = Path(file).name
        for number, line in enumerate(source(toolchain, file).splitlines(), 1):
            head = re.match(r"func (?:\([^)]*\) )?(\w+)\(|TEXT (?:runtime·)?(\w+)", line)
            if head:
                caller = head[1] or head[2]
            elif pattern.search(line.partition("//")[0]):
                rows.append(Use(toolchain.release, name, caller, f"{file}:{number}"))
    return rows


def defined(toolchain: Toolchain, name: str) -> list[str]:
    """Return where the runtime defines a function of this name, in Go or assembly, as file:line."""
    pattern = re.compile(rf"(?:func |TEXT runtime·){re.escape(name)}\(")
    return _lines(toolchain, pattern)


def mentioned(toolchain: Toolchain, word: str) -> list[str]:
    """Return every line of the runtime that begins or holds this word, comments included."""
    return _lines(toolchain, re.compile(rf".*\b{re.escape(word)}\b"))


def _lines(toolchain: Toolchain, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{file}:{number}"
        for file in runtime_files(toolchain)
        for number, line in enumerate(source(toolchain, file).splitlines(), 1)
        if pattern.match(line)
    ]


def called_in(toolchain: Toolchain, file: str, name: str) -> list[str]:
    """Return the names of what a Go function of the runtime calls, in order, each once.

    Raises:
        LabError: this release has no such file; an empty list: it has no such function.
    """
    own = function(source(toolchain, file), name)
    found = (
        [call for statement in own.statements for call in calls(statement.tokens)] if own else []
    )
    return list(dict.fromkeys(found))


def entry_code(toolchain: Toolchain) -> list[str]:
    """Return the instructions of rt0_go in the source's order, each with single spaces.

    Comments, labels and what stands between `#ifdef` and `#endif` (other systems, GOAMD64=v2 and
    above) are left out.
    """
    text = source(toolchain, "runtime/asm_amd64.s").partition("TEXT runtime·rt0_go(")[2]
    text = re.sub(r"(?ms)^#if.*?^#endif", "", text.partition("\nbad_cpu:")[0])
    lines = [line.partition("//")[0].split() for line in text.splitlines()[1:]]
    return [" ".join(words) for words in lines if words and not words[0].endswith(":")]


def demands(toolchain: Toolchain) -> Table[Demand]:
    """Return the orders that comments in schedinit demand ("must run before …")."""
    order = [row.step.rpartition(".")[2] for row in chain(toolchain) if row.function == "schedinit"]
    rows: Table[Demand] = Table()
    for number, line in enumerate(source(toolchain, PROC).splitlines(), 1):
        found = re.match(r"\t([\w.]+)\(.*\).*// must run before ([\w, ]+)", line)
        if found is None:
            continue
        step = found[1].rpartition(".")[2]
        for later in re.findall(r"\w+", found[2]):
            if step in order and later in order:
                holds = order.index(step) < order.index(later)
                rows.append(Demand(toolchain.release, step, later, holds, f"{PROC}:{number}"))
    return rows


def changes(chains: Sequence[Sequence[Link]]) -> Table[Change]:
    """Return what each release added to, removed from and moved in the chain before it."""
    rows: Table[Change] = Table()
    for before, after in pairwise(chains):
        old = {(row.function, row.step): row for row in before}
        new = {(row.function, row.step): row for row in after}
        go = after[0].go
        rows += [Change(go, "removed", *key) for key in old if key not in new]
        rows += [Change(go, "added", *key) for key in new if key not in old]
        kept_old = [key for key in old if key in new]
        kept_new = [key for key in new if key in old]
        same = SequenceMatcher(None, kept_old, kept_new, autojunk=False).get_matching_blocks()
        stayed = {key for block in same for key in kept_new[block.b : block.b + block.size]}
        rows += [Change(go, "moved", *key) for key in kept_new if key not in stayed]
    return rows


def merged(chains: Sequence[Sequence[tuple[str, str]]]) -> list[tuple[str, str]]:
    """Return every step of several chains once, in an order that follows the last of them.

    A step that the last chain lacks stands behind the one that it followed where it was.
    """
    order = list(chains[-1])
    for own in reversed(chains[:-1]):
        for place, key in enumerate(own):
            if key not in order:
                order.insert(order.index(own[place - 1]) + 1 if place else 0, key)
    return order
