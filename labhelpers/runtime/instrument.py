"""A Go runtime that keeps time on its way to main.main: where its stamps go, and what builds it.

The order was read in Go 1.21 to 1.27. rt0_go (runtime/asm_amd64.s) sets up the first goroutine and
thread and calls check, args, osinit and schedinit; it makes the main goroutine (newproc) and
becomes a thread of the scheduler (mstart, which calls mstartm0), which runs runtime.main. Stamps
stand at the beginning of each of these functions, and behind every step of schedinit and
runtime.main; doInit1 has one behind each package's init functions. From the first to the last each
stamp ends the step that began with the one before it, so the steps sum to the whole.
"""

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labhelpers.build import Binary, BuildConfig, build
from labhelpers.overlayfiles import Overlay
from labhelpers.programs import Program
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.runtime.stamps import Site, insert, sites
from labhelpers.runtime.statements import function, line_of
from labhelpers.toolchain import Toolchain

ADDED = "runtime/golab_stamps.go"
PROC, OS, FIRST = "runtime/proc.go", "runtime/os_linux.go", "runtime/runtime1.go"
ASSEMBLY = {"x86_64": "runtime/asm_amd64.s", "aarch64": "runtime/asm_arm64.s"}
ENTRY = """
	// The time at entry, by a system call: no g, no thread-local storage, no vDSO as yet.
	MOVL	$228, AX	// clock_gettime
	MOVL	$1, DI	// CLOCK_MONOTONIC
	LEAQ	runtime·golabEntryTime(SB), SI
	SYSCALL"""
"""On amd64, right behind where rt0_go has saved argc and argv: every register is free there."""
RENAMED = {"newm": "newm(sysmon)", "make": "make(chan bool)"}
SKIPPED = ("doInit",)
LAST = "fn := main_main"

NEEDED: Mapping[str, Sequence[tuple[int, int | None, str]]] = {
    "schedinit": (
        *((21, None, step) for step in ("moduledataverify", "stackinit", "mallocinit", "cpuinit")),
        *((21, None, step) for step in ("mcommoninit", "modulesinit", "typelinksinit")),
        *((21, None, step) for step in ("itabsinit", "goargs", "goenvs", "gcinit", "procresize")),
        (21, 26, "alginit"),
        (27, None, "maps.AlgInit"),
        (21, 21, "fastrandinit"),
        (22, None, "randinit"),
        (22, None, "ticks.init"),
        (21, 24, "parsedebugvars"),
        (25, None, "parseRuntimeDebugVars"),
        (25, None, "finishDebugVarsSetup"),
        (25, None, "defaultGOMAXPROCSInit"),
        (25, None, "defaultGOMAXPROCS"),
    ),
    "main": (
        *((21, None, step) for step in ("newm(sysmon)", "lockOSThread", "gcenable")),
        *((21, None, step) for step in ("startTemplateThread", "cgocall", "unlockOSThread")),
        (25, None, "defaultGOMAXPROCSUpdateEnable"),
    ),
    "mstartm0": ((21, None, "newextram"), (21, None, "initsig")),
}
"""By function the steps that must be found: in which minor releases of Go 1, from and to."""


@dataclass(frozen=True)
class Extra:
    """A further function to put stamps into: its file below GOROOT/src, and its name."""

    file: str
    function: str


@dataclass(frozen=True)
class Stamp:
    """What a stamp of one number ends: a step of a function, and where the source has it."""

    function: str
    step: str
    source: str


@dataclass(frozen=True)
class Instrumented:
    """The files of an instrumented runtime, and what the number of each stamp means.

    `task_source` is where the runtime calls the init functions of packages.
    """

    overlay: Overlay
    stamps: tuple[Stamp, ...]
    task_source: str


class _Edits:
    """Texts of a toolchain's files under change: edits are noted by place, and made at the end."""

    def __init__(self, toolchain: Toolchain, base: Overlay) -> None:
        self.toolchain = toolchain
        self.base = base
        self.texts = dict(base)
        self.edits: dict[str, list[tuple[int, str]]] = {}
        self.stamps: list[Stamp] = []

    def text(self, file: str) -> str:
        if file not in self.texts:
            self.texts[file] = source(self.toolchain, file)
        return self.texts[file]

    def missing(self, file: str, function: str, anchor: str) -> MissingAnchor:
        return MissingAnchor(self.toolchain.release, file, function, anchor)

    def put(self, file: str, place: int, new: str) -> None:
        self.edits.setdefault(file, []).append((place, new))

    def find(self, file: str, name: str, pattern: str, anchor: str) -> re.Match[str]:
        """Return where a function, of Go or of assembly, has a pattern for the first time."""
        text = self.text(file)
        head = rf"^TEXT runtime·{name}\(" if file.endswith(".s") else rf"^func {name}\("
        begin = re.search(head, text, re.MULTILINE)
        if begin is None:
            raise self.missing(file, name, f"function {name}")
        end = re.compile(r"^(?:}|TEXT )", re.MULTILINE).search(text, begin.end())
        stop = end.end() if end else len(text)
        match = re.compile(pattern, re.MULTILINE).search(text, begin.start(), stop)
        if match is None:
            raise self.missing(file, name, anchor)
        return match

    def begins(self, file: str, name: str, step: str, where: str) -> None:
        """Put a stamp at a function's begin, which ends the step before it, called for `where`."""
        own = function(self.text(file), name)
        if own is None:
            raise self.missing(file, name, f"function {name}")
        self.put(file, own.brace + 1, f"\n\tgolabStamp({len(self.stamps)})")
        self.stamps.append(Stamp("rt0_go", step, where))

    def steps(self, file: str, name: str, label: str, until: str = "") -> list[Site]:
        """Put a stamp behind each step of a function."""
        text = self.text(file)
        found = sites(text, name, label, until, SKIPPED)
        if found is None:
            raise self.missing(file, name, f"function {name}")
        for site in found:
            self.put(file, site.end, site.stamp(len(self.stamps), text))
            step = RENAMED.get(site.step, site.step)
            self.stamps.append(Stamp(label, step, f"{file}:{site.line}"))
        return found

    def overlay(self) -> Overlay:
        """Return every file that was changed, by this or by the base, in a fixed order."""
        changed = {file: insert(self.texts[file], edits) for file, edits in self.edits.items()}
        return tuple(sorted({**dict(self.base), **changed}.items()))


def instrument(
    toolchain: Toolchain,
    extra: Sequence[Extra] = (),
    base: Overlay = (),
    architecture: str | None = None,
) -> Instrumented:
    """Return the runtime of a toolchain with stamps in it, and what each of them means.

    Args:
        toolchain: whose runtime.
        extra: further functions whose steps are to be told apart, in each of their calls before
            main.main on the first thread.
        base: an overlay whose files are taken in place of the toolchain's own.
        architecture: as platform.machine() says it; None: this machine's.

    Raises:
        MissingAnchor: this release's runtime is laid out differently.
    """
    own = _Edits(toolchain, base)
    assembly = ASSEMBLY.get(architecture or platform.machine(), ASSEMBLY["x86_64"])

    def called(name: str) -> str:
        """Return where rt0_go calls a function."""
        match = own.find(assembly, "rt0_go", rf"\b(?:CALL|BL)\s+runtime·{name}\(SB\)", name)
        return f"{assembly}:{line_of(own.text(assembly), match.start())}"

    begin = own.find(assembly, "rt0_go", "^TEXT", "rt0_go")
    entry = f"{assembly}:{line_of(own.text(assembly), begin.start())}"
    if assembly == ASSEMBLY["x86_64"]:
        saved = own.find(assembly, "rt0_go", r"\tMOVQ\tBX, 32\(SP\)", "MOVQ BX, 32(SP)")
        own.put(assembly, saved.end(), ENTRY)
    # Elsewhere the first stamp, at the beginning of check, ends no step.
    own.begins(FIRST, "check", "g0, m0 and TLS", entry)
    own.begins(FIRST, "args", "check", called("check"))
    own.begins(OS, "osinit", "args", called("args"))
    own.begins(PROC, "schedinit", "osinit", called("osinit"))
    found = {"schedinit": own.steps(PROC, "schedinit", "schedinit")}
    own.begins(PROC, "mstartm0", "newproc and mstart", called("newproc"))
    found["mstartm0"] = own.steps(PROC, "mstartm0", "rt0_go")
    schedule = own.find(PROC, "mstart1", r"^\tschedule\(\)$", "schedule")
    own.begins(PROC, "main", "schedule", f"{PROC}:{line_of(own.text(PROC), schedule.start())}")
    found["main"] = own.steps(PROC, "main", "runtime.main", LAST)
    for file, name in ((site.file, site.function) for site in extra):
        own.steps(file, name, name)
    _refuse_what_is_missing(own, found)

    last = own.find(PROC, "main", rf"^\t(?={LAST}\b)", LAST)
    own.put(PROC, last.end(), "golabReport()\n\t")
    task = own.find(PROC, "doInit1", r"^\t+f\(\)\n\t+}", "call f()")
    own.put(PROC, task.end(), "\n\t\tgolabStamp(uintptr(unsafe.Pointer(t)))")
    added = (Path(__file__).parent / "golab_stamps.go").read_text()
    call = f"{PROC}:{line_of(own.text(PROC), task.start())}"
    return Instrumented((*own.overlay(), (ADDED, added)), tuple(own.stamps), call)


def _refuse_what_is_missing(own: _Edits, found: Mapping[str, Sequence[Site]]) -> None:
    """Raise MissingAnchor unless every step is there that this release must have."""
    minor = int(own.toolchain.release.split(".")[1])
    for name, needed in NEEDED.items():
        steps = {RENAMED.get(site.step, site.step) for site in found[name]}
        for since, until, step in needed:
            if since <= minor <= (until or minor) and step not in steps:
                raise own.missing(PROC, name, f"step {step}")
    for call in (r"doInit\(runtime_inittasks\)", r"doInit\(m\.inittasks\)"):
        own.find(PROC, "main", rf"^\t+{call}", f"call {call}".replace("\\", ""))


def overlay_for(toolchain: Toolchain, extra: Sequence[Extra] = (), base: Overlay = ()) -> Overlay:
    """Return the files of a toolchain's runtime with stamps in it, as BuildConfig takes them.

    Raises:
        MissingAnchor: this release's runtime is laid out differently.
    """
    return instrument(toolchain, extra, base).overlay


def instrumented_config(
    config: BuildConfig, toolchain: Toolchain, extra: Sequence[Extra] = ()
) -> BuildConfig:
    """Return a configuration with an instrumented runtime; an overlay of its own stays in it."""
    overlay = overlay_for(toolchain, extra, config.overlay)
    return replace(config, name=f"{config.name}, instrumented", overlay=overlay)


def instrumented(program: Program, config: BuildConfig, toolchain: Toolchain) -> Binary:
    """Build a program with an instrumented runtime; what fails comes back as its `error`.

    Raises:
        MissingAnchor: this release's runtime is laid out differently.
        LabError: the machine could not do it (see `build`).
    """
    return build(program, instrumented_config(config, toolchain), toolchain)
