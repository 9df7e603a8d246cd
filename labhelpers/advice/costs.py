"""What one gives up for a way of building: in sentences, for one program."""

from labhelpers.binary.buildinfo import read_buildinfo
from labhelpers.binary.elf import open_elf
from labhelpers.binary.linking import read_linking
from labhelpers.binary.symbols import read_symbols
from labhelpers.build import Binary, BuildConfig
from labhelpers.cgo.report import CgoReport
from labhelpers.configs import TAGS

STRIP = (
    "Debuggers (gdb, Delve) find no variables and no lines; panics, pprof and runtime.Callers "
    "still name functions and lines, since they read another table."
)
EXTERNAL = "Every machine that builds it needs a C compiler and linker, and linking takes longer."
STATIC = (
    "It lies at fixed addresses, and where it looks up hosts or users through a static glibc, that "
    "still loads shared libraries of the very same version."
)
PIE = "Each start relocates its pointers; in return its addresses are random (ASLR)."
ADDS_LIBC = "It needs a C library at run time, which the default build does not: {needed}."
NO_CGO = "No package of it uses cgo, so this switch takes nothing out."


def libraries(binary: Binary) -> tuple[str, ...]:
    """Return the libraries that a built file needs at run time."""
    if binary.path is None:
        return ()
    with open_elf(binary.path) as elf:
        return read_linking(elf, read_buildinfo(elf), read_symbols(elf)).needed


def costs(
    config: BuildConfig, binary: Binary, default: Binary, cgo: CgoReport | None
) -> tuple[str, ...]:
    """Return what this configuration costs this program, a sentence each."""
    found = []
    if "-s" in config.ldflags.split() and "-w" in config.ldflags.split():
        found.append(STRIP)
    if config.linkmode == "external":
        found.append(EXTERNAL)
        needed = libraries(binary)
        if needed and not libraries(default):
            found.append(ADDS_LIBC.format(needed=", ".join(needed)))
    if "-static" in config.ldflags:
        found.append(STATIC)
    if config.buildmode == "pie":
        found.append(PIE)
    return (*found, *_trimming(config, cgo))


def _trimming(config: BuildConfig, cgo: CgoReport | None) -> tuple[str, ...]:
    """Return what cutting off cgo changes in the behaviour of this program."""
    if cgo is None or not (config.cgo is False or config.tags):
        return ()
    if not cgo.causes:
        return (NO_CGO,)
    names = ["CGO_ENABLED=0"] if config.cgo is False else list(TAGS)
    sentences: dict[str, None] = {}
    for switch in cgo.switches:
        if switch.name in names:
            sentences |= dict.fromkeys(switch.differs)
    return tuple(sentences)
