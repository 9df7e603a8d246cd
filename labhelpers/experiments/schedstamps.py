"""A runtime that says when its scheduler did what: time stamps and a list, added by an overlay.

Two of the runtime's files get calls of functions in a third one, which is new. The stamps go into
arrays of fixed size (no memory is asked for, no lock is taken). They are printed to standard error
after main.main has returned, where the environment asks for it. Read in Go 1.21 to 1.27:
runtime/proc.go (schedinit, main, sysmon, procresize, startTheWorldWithSema) and runtime/debug.go
(GOMAXPROCS).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from labhelpers.build import BuildConfig, build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.programs import Program
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.toolchain import Toolchain

STAMPS = {"GOLAB_STAMPS": "1"}
"""The environment in which the stamps are printed after main.main has returned."""
SNAPSHOT = {"GOLAB_SNAPSHOT": "1"}
"""The environment in which the list is printed right before main.main is called."""

Where = Literal["before", "after"]

EDITS: Mapping[str, Sequence[tuple[str, str, Where, str]]] = {
    "runtime/proc.go": (
        ("schedinit", r"func schedinit\(\) \{", "after", "golabOnce(0)"),
        ("schedinit", r"defaultGOMAXPROCSInit\(\)", "before", "golabOnce(9)"),
        ("schedinit", r"(?=lock\(&sched\.lock\)\n\tsched\.lastpoll)", "before", "golabOnce(1)"),
        ("schedinit", r"if procresize\(", "before", "golabOnce(2)"),
        ("schedinit", r"worldStarted\(\)", "after", "golabOnce(3)"),
        ("main", r"mp := getg\(\)\.m|gp? := getg\(\)", "before", "golabOnce(4)"),
        ("main", r"lockOSThread\(\)", "before", "golabOnce(5)"),
        ("main", r"fn := main_main", "before", "golabOnce(6)\n\tgolabSnapshot()"),
        ("main", r"fn\(\)", "after", "golabPrint()"),
        ("sysmon", r"func sysmon\(\) \{", "after", "golabOnce(7)"),
        ("sysmon", r"usleep\(delay\)", "after", "golabOnce(8)"),
        ("procresize", r"func procresize\(.*\{", "after", "golabStamp(2)"),
        ("procresize", r"// initialize new P's", "before", "golabStamp(3)"),
        ("procresize", r"gp := getg\(\)", "before", "golabStamp(4)"),
        ("procresize", r"return runnablePs", "before", "golabStamp(5)\n\tgolabBoot(old, nprocs)"),
        ("startTheWorldWithSema", r"wakep\(\)", "before", "golabStamp(6)"),
        ("startTheWorldWithSema", r"wakep\(\)", "after", "golabStamp(7)"),
    ),
    "runtime/debug.go": (
        (
            "GOMAXPROCS",
            r"(?:\w+ := )?stopTheWorldGC\(",
            "before",
            "golabOpen(ret, n)",
        ),
        ("GOMAXPROCS", r"(?:\w+ := )?stopTheWorldGC\(", "after", "golabStamp(1)"),
        ("GOMAXPROCS", r"startTheWorldGC\(", "after", "golabClose()"),
    ),
}
"""By file: the function, a line of it by its text without indentation, and what goes
before or after that line."""

SINCE = {"golabOnce(9)": (1, 25)}
"""What is left out in releases before this one: Go 1.25 was the first to look for a quota."""

ADDED = """package runtime

import "unsafe"

type golabCall struct {
	old, procs int32
	at         [9]int64
}

// Calls of procresize, that of schedinit first; then what happens once in a start.
var (
	golabCalls [32]golabCall
	golabCount int
	golabOn    = true
	golabTimes [10]int64
)

// golabOnce keeps an entry's first time. Each entry has one writer, sysmon for its own two.
//
//go:nosplit
func golabOnce(index int) {
	if golabTimes[index] == 0 {
		golabTimes[index] = nanotime()
	}
}

//go:nosplit
func golabStamp(index int) {
	if golabOn && golabCount < len(golabCalls) {
		golabCalls[golabCount].at[index] = nanotime()
	}
}

func golabOpen(old, procs int) {
	if golabCount < len(golabCalls) {
		golabCalls[golabCount].old, golabCalls[golabCount].procs = int32(old), int32(procs)
		golabOn = true
		golabStamp(0)
	}
}

func golabClose() {
	golabStamp(8)
	golabCount++
	golabOn = false
}

// golabBoot closes the entry of schedinit's own call, in which nothing stops or starts the world.
func golabBoot(old, procs int32) {
	if golabOn && golabCount == 0 && golabCalls[0].at[0] == 0 {
		golabCalls[0].old, golabCalls[0].procs = old, procs
		golabCount++
		golabOn = false
	}
}

func golabPrint() {
	if gogetenv("GOLAB_STAMPS") != "1" {
		return
	}
	before := nanotime()
	after := nanotime()
	printlock()
	print("golab stamp ", after-before, "\\n")
	print("golab once")
	for _, at := range golabTimes {
		print(" ", at)
	}
	print("\\n")
	for i := 0; i < golabCount && i < len(golabCalls); i++ {
		print("golab call ", golabCalls[i].old, " ", golabCalls[i].procs)
		for _, at := range golabCalls[i].at {
			print(" ", at)
		}
		print("\\n")
	}
	printunlock()
}

// golabSnapshot lists every processor, thread and goroutine, and what the latter two begin with.
func golabSnapshot() {
	if gogetenv("GOLAB_SNAPSHOT") != "1" {
		return
	}
	systemstack(func() {
		lock(&sched.lock)
		for _, pp := range allp {
			m := int64(-1)
			if mp := pp.m.ptr(); mp != nil {
				m = mp.id
			}
			print("golab P ", pp.id, " ", pp.status, " ", m, "\\n")
		}
		for mp := allm; mp != nil; mp = mp.alllink {
			p, gid := int32(-1), int64(-1)
			if pp := mp.p.ptr(); pp != nil {
				p = pp.id
			}
			if mp.curg != nil {
				gid = int64(mp.curg.goid)
			}
			name := "-"
			if mp.mstartfn != nil {
				name = funcname(findfunc(**(**uintptr)(unsafe.Pointer(&mp.mstartfn))))
			}
			print("golab M ", mp.id, " ", p, " ", gid, " ", mp.spinning, " ", mp.blocked, " ")
			print(name, "\\n")
		}
		forEachG(func(gp *g) {
			m := int64(-1)
			if gp.m != nil {
				m = gp.m.id
			}
			print("golab G ", gp.goid, " ", readgstatus(gp), " ", m, " ")
			print(funcname(findfunc(gp.startpc)), " ", gp.waitreason.String(), "\\n")
		})
		unlock(&sched.lock)
	})
}
"""


@dataclass(frozen=True)
class Line:
    """A line that the stamped runtime wrote: its kind ("once", "call", "P"), and its words."""

    kind: str
    words: tuple[str, ...]


def stamped(program: Program, chain: Toolchain) -> str:
    """Build a program, whose main.main must return, with the stamped runtime; return its file.

    Raises:
        LabError: this release's runtime is laid out otherwise, or the build failed.
    """
    config = replace(find_config("default"), name="stamped", overlay=overlay_for(chain))
    return built(program, config, chain)


def built(program: Program, config: BuildConfig, chain: Toolchain) -> str:
    """Build a program and return its file.

    Raises:
        LabError: it cannot be built so.
    """
    binary = build(program, config, chain)
    if binary.path is None:
        raise LabError(
            f"{program.name} cannot be built with Go {chain.release} as {config.name}: "
            f"{binary.error}"
        )
    return str(binary.path)


def overlay_for(chain: Toolchain) -> tuple[tuple[str, str], ...]:
    """Return the files of the overlay for one release: name below GOROOT/src, and text.

    Raises:
        MissingAnchor: a line that is to get a stamp is not there, or is there twice.
    """
    edited = []
    for file, edits in EDITS.items():
        text = source(chain, file)
        for function, line, where, added in edits:
            if _release(chain) < SINCE.get(added, (0, 0)):
                continue
            text = add(text, (file, chain.release), function, line, where, added)
        edited.append((file, text))
    return (*edited, ("runtime/golab_sched.go", ADDED))


def add(
    text: str, place: tuple[str, str], function: str, line: str, where: Where, added: str
) -> str:
    """Return the text with a statement added before or after one line of one function.

    Args:
        text: a Go file.
        place: its name and release, for the error.
        function: the function's name.
        line: a regular expression for the beginning of the line, without its indentation.
        where: which side of that line.
        added: the statement.

    Raises:
        MissingAnchor: the function is not there, or the line is not there exactly once.
    """
    body = re.search(rf"(?ms)^func {function}\(.*?^\}}", text)
    found = list(re.finditer(rf"(?m)^\t*(?:{line}).*\n", body[0])) if body else []
    if body is None or len(found) != 1:
        file, release = place
        raise MissingAnchor(release, file, function, f"single line {line!r}")
    at = body.start() + (found[0].start() if where == "before" else found[0].end())
    return f"{text[:at]}\t{added}\n{text[at:]}"


def _release(chain: Toolchain) -> tuple[int, ...]:
    return tuple(int(part) for part in chain.release.split(".")[:2])


def lines(output: str) -> Iterator[Line]:
    """Yield the lines of the stamped runtime in what a program wrote to standard error."""
    for text in output.splitlines():
        if text.startswith("golab "):
            _, kind, *words = text.split(" ")
            yield Line(kind, tuple(words))
