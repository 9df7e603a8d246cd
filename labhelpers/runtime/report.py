"""What an instrumented program says of its start: one line for each stamp (golab_stamps.go).

A line is a word, a number and a time in nanoseconds. The time of the entry is one of
CLOCK_MONOTONIC, the others count from there on. The line of an init task has the count of its
functions for the number, and behind the time its place in the program and, unless GOLAB_INIT_NAMES
is 0, its package:

    golab-init 1 2
    entry 0 23356132517656
    stamp 0 39389
    task 7 845511 213376 runtime
    cost 0 1067992
    end 0 0

The first line has the version of this text and the GOMAXPROCS in force; `cost` lines are stamps in
a row with nothing between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote

from labhelpers.errors import LabError
from labhelpers.runtime.instrument import Stamp

VARIABLE = "GOLAB_INIT_FD"
"""Names the descriptor of the file that the program writes its report to; unset, it writes none."""
NAMES = "GOLAB_INIT_NAMES"
"""Where it is 0, the packages of init tasks are left out: they were told by an earlier start."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A step that was done, and when: `at_ns` of CLOCK_MONOTONIC, from the step before until then.

    `functions` counts the functions of an init task, and is None for other steps.
    """

    function: str
    step: str
    source: str
    functions: int | None
    at_ns: int


@dataclass(frozen=True, slots=True)
class Report:
    """What one start said: when it entered, its steps in order, and what a stamp costs.

    `cost_ns` is the shortest time between two stamps in a row.
    """

    gomaxprocs: int
    entry_ns: int
    reached: tuple[Reached, ...]
    cost_ns: int

    @property
    def whole_ns(self) -> int:
        """From the first stamp to the last, right before main.main."""
        return self.reached[-1].at_ns - self.entry_ns

    @property
    def steps_ns(self) -> tuple[int, ...]:
        """How long each step took: their sum is the whole."""
        times = [self.entry_ns, *(step.at_ns for step in self.reached)]
        return tuple(after - before for before, after in pairwise(times))

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """The function and the name of each step."""
        return tuple((step.function, step.step) for step in self.reached)


def read_reports(
    text: str,
    stamps: Sequence[Stamp],
    task_source: str = "",
    packages: dict[int, str] | None = None,
) -> list[Report]:
    """Return the reports of a text, of the program itself and of copies that it started.

    The program's own is first: it entered before all that it started.

    Args:
        text: what was written.
        stamps: what the number of each stamp means.
        task_source: where the runtime calls the functions of init tasks.
        packages: of init tasks by their place; what the text tells is added, and what it leaves out
            is looked up there.

    Raises:
        LabError: a line that is none, or more init tasks than there is room for.
    """
    known = {} if packages is None else packages
    reports = []
    for piece in text.partition("\0")[0].split("golab-init ")[1:]:
        try:
            reports.append(_report(piece.splitlines(), stamps, task_source, known))
        except (ValueError, LookupError) as error:
            raise LabError(
                "The report of an instrumented program cannot be read: does the program itself "
                f"write to descriptors that it has not opened? ({error})"
            ) from error
    return sorted(reports, key=lambda report: report.entry_ns)


def _report(
    lines: Sequence[str], stamps: Sequence[Stamp], task_source: str, packages: dict[int, str]
) -> Report:
    version, gomaxprocs = map(int, lines[0].split())
    if version != 1 or lines[-1] != "end 0 0":
        raise ValueError("it has no end")
    entry, cost = 0, []
    reached: list[Reached] = []
    for line in lines[1:-1]:
        word, number_text, since_text, *rest = line.split(" ", 4)
        number, at = int(number_text), entry + int(since_text)
        if word == "entry":
            entry = at
        elif word == "cost":
            cost.append(at)
        elif word == "task":
            place = int(rest[0])
            if len(rest) > 1:  # the linker writes dots of a path's last element as %2e
                packages[place] = unquote(rest[1])
            reached.append(Reached("init tasks", packages[place], task_source, number, at))
        elif word == "stamp":
            own = stamps[number]
            reached.append(Reached(own.function, own.step, own.source, None, at))
        elif word == "full":
            raise LabError(
                f"The program passed more than {number} stamps before main.main, which is all "
                "there is room for: leave out functions that are called often."
            )
        else:
            raise ValueError(f"the word {word!r}")
    if reached[0].at_ns == entry:  # no stamp in rt0_go itself: the first there is begins the whole
        del reached[0]
    report = Report(gomaxprocs, entry, tuple(reached), min(b - a for a, b in pairwise(cost)))
    if min(report.steps_ns) < 0 or sum(report.steps_ns) != report.whole_ns:
        raise LabError(
            "The clock of this machine ran backwards during a start (CLOCK_MONOTONIC): "
            "its steps cannot be timed here."
        )
    return report
