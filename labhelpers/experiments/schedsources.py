"""What the runtime's own text says, and what the instruments that the article names can see."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from labhelpers.configs import find_config
from labhelpers.experiments.schedstamps import built
from labhelpers.experiments.turns import Talker, in_turns
from labhelpers.programs import find_program
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.runtime.schedtrace import read_schedtrace
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

P_STATES = {
    "first state": (r"func \(pp \*p\) init", r"pp\.status = "),
    "state of an idle P": ("func procresize", r"pp\.status = _Pidle\n\t\tif runqempty"),
    "made from here": ("func procresize", r"for i := old; i < nprocs"),
    "made unless there": ("func procresize", r"pp = new\(p\)"),
    "put into the list": ("func procresize", r"atomicstorep\("),
}
"""What to look up: the function's head, and the line in it."""


@dataclass(frozen=True)
class SourceLine:
    """A line of the runtime: what it shows, its text without indentation, and where it stands."""

    go: str
    shows: str
    text: str
    place: str


@dataclass(frozen=True)
class Traced:
    """Starts with GODEBUG=schedtrace=1000: what they wrote.

    In `nothing` of them not a line; in `torn` the program ended in the middle of one; `most` is
    the largest number of whole lines in a start, `first` the beginning of one of them, `latest_ms`
    the latest time in any: milliseconds after the first line, the only time there is.
    """

    go: str
    starts: int
    nothing: int
    torn: int
    most: int
    first: str
    latest_ms: int


def p_states(chain: Toolchain) -> Table[SourceLine]:
    """Look up where a P is made, and which states it gets.

    Raises:
        MissingAnchor: a line is not there: this release makes its Ps otherwise.
    """
    file = "runtime/proc.go"
    text = source(chain, file)
    rows: Table[SourceLine] = Table()
    for shows, (head, line) in P_STATES.items():
        body = re.search(rf"(?ms)^{head}\(.*?^\}}", text)
        found = re.search(line, body[0]) if body else None
        if body is None or found is None:
            raise MissingAnchor(chain.release, file, head.split()[-1], f"line {line!r}")
        at = body.start() + found.start()
        number = text.count("\n", 0, at) + 1
        whole = text.splitlines()[number - 1].strip()
        rows.append(SourceLine(chain.release, shows, whole, f"{file}:{number}"))
    return rows


def files_that_name(chain: Toolchain, word: str) -> int:
    """Return how many Go files of package runtime and below it contain a word."""
    files = (chain.goroot / "src" / "runtime").rglob("*.go")
    return sum(word in file.read_text(errors="replace") for file in files)


def schedtrace_of_starts(
    chains: Sequence[Toolchain], rounds: int = 40, seed: int = 6
) -> Table[Traced]:
    """Start `hello` many times with the schedtrace that the article asks for.

    Raises:
        LabError: it cannot be built or run, or the trace cannot be read.
    """
    talkers = [
        Talker(
            f"hello, Go {chain.release}",
            (built(find_program("hello"), find_config("default"), chain),),
            {"GODEBUG": "schedtrace=1000", "GOMAXPROCS": "32"},
        )
        for chain in chains
    ]
    rows: Table[Traced] = Table()
    for chain, answers in zip(chains, in_turns(talkers, rounds, seed), strict=True):
        written = [answer.err.splitlines() for answer in answers]
        whole = [[line for line in own if line.endswith("]")] for own in written]
        torn = sum(len(own) > len(kept) for own, kept in zip(written, whole, strict=True))
        first = next((kept[0] for kept in whole if kept), "")
        pictures = read_schedtrace("\n".join(line for kept in whole for line in kept))
        rows.append(
            Traced(
                go=chain.release,
                starts=rounds,
                nothing=sum(not own for own in written),
                torn=torn,
                most=max(map(len, whole)),
                # The list of 32 queues says nothing here: all are empty.
                first=first.partition(" [")[0],
                latest_ms=max((picture.at_ms for picture in pictures), default=0),
            )
        )
    return rows
