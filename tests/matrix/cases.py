"""The binaries of the matrix, and what each must be by the way it was built.

Nothing here looks into a file or calls labhelpers.binary: what a linker is expected to do follows
from the program's imports and the switches (`go doc cmd/link`; cmd/link/internal/ld/config.go,
main.go, lib.go; `go doc net`; `go doc cmd/cgo`). What cannot be built is left out by the same
knowledge, so that a failed build is a failed test:

- `-linkmode=external` needs runtime/cgo, and so not CGO_ENABLED=0 (ld/config.go, mustLinkExternal);
- `-w=0` beside `-s` keeps DWARF from Go 1.22 on (ld/main.go); before, `-s` alone left it out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from labhelpers.build import BuildConfig
from labhelpers.configs import find_config
from labhelpers.toolchain import ARTICLE, Toolchain, current

RELEASES = tuple(
    dict.fromkeys(
        ["1.21.13", ARTICLE, "1.23.9", "1.24.11", "1.25.5", "1.26.6", current()],
    )
)
"""The newest patch that exists as a wheel of every minor release since 1.21; 1.20 has no wheel."""

MORE_CONFIGS = {
    "w": BuildConfig("w", ldflags="-w"),
    "s-w0": BuildConfig("s-w0", ldflags="-s -w=0"),
    "pie+strip": BuildConfig("pie+strip", ldflags="-s -w", buildmode="pie"),
    "pie+trim": BuildConfig("pie+trim", cgo=False, buildmode="pie"),
    "pie+external": BuildConfig("pie+external", linkmode="external", buildmode="pie"),
    "static-pie": BuildConfig(
        "static-pie", linkmode="external", ldflags="-extldflags=-static-pie", buildmode="pie"
    ),
}
"""Beside those of labhelpers.configs, which the labs use."""

CONFIGS_OF = {
    "empty": ("default", "strip", "external", "pie"),
    "hello": (
        *("default", "w", "strip", "s-w0", "external", "strip+external", "static"),
        *("pie", "pie+strip", "pie+external", "static-pie"),
    ),
    "httpd": (
        *("default", "w", "strip", "s-w0", "external", "strip+external", "static"),
        *("trim", "strip+trim", "trim-tags", "external+trim-tags"),
        *("pie", "pie+strip", "pie+trim"),
    ),
    "cgocall": (
        *("default", "strip", "strip+external", "static", "trim", "trim-tags"),
        *("pie", "pie+strip", "static-pie"),
    ),
    "netuser": (
        *("default", "w", "strip", "external", "strip+external", "static"),
        *("trim", "strip+trim-tags", "trim-tags", "pie", "pie+strip", "pie+trim"),
    ),
}
"""Programs and the configurations that say something about them that others do not."""

IMPORTS_NET = {"httpd", "netuser"}


@dataclass(frozen=True)
class Expected:
    """What a build must have become.

    `internal` is whether Go's own linker wrote the file; `libraries` whether it needs libc.so.
    """

    verdict: str
    internal: bool
    loader: bool
    libraries: bool
    symbol_table: bool
    dwarf: bool


@dataclass(frozen=True)
class Case:
    """One binary: a program built by a release in one way."""

    release: str
    program: str
    config: BuildConfig

    def __str__(self) -> str:
        """Return the case's name in the output of pytest."""
        return f"{self.release}-{self.program}-{self.config.name}"

    @property
    def needs_c_compiler(self) -> bool:
        """Whether the case is another one, or does not build, without a C compiler."""
        return self.config.cgo is not False and (
            self.program not in ("hello", "empty") or self.config.linkmode == "external"
        )

    @property
    def needs_glibc(self) -> bool:
        """Whether it wants what only the machine's own C library brings: a static PIE's start."""
        return self.config.name == "static-pie"

    @property
    def holds_c(self) -> bool:
        """Whether C functions get into the program (runtime/cgo at least)."""
        if self.config.linkmode == "external":
            return True
        by_imports = self.program in IMPORTS_NET or self.program == "cgocall"
        return by_imports and self.config.cgo is not False and not self.config.tags

    @property
    def expected(self) -> Expected:
        """What the linker must have made of it, with a C compiler at hand."""
        # A package of the user's own that imports "C" makes the go command link externally; net
        # and os/user are among the few whose C the Go linker can take in itself.
        external = self.config.linkmode == "external" or (
            self.program == "cgocall" and self.holds_c
        )
        pie = self.config.buildmode == "pie"
        static = "-static" in self.config.ldflags
        libraries = self.holds_c and not static
        words = self.config.ldflags.split()
        drops_symbols = "-s" in words
        return Expected(
            verdict=verdict(pie, static, libraries),
            internal=not external,
            loader=libraries or (pie and not static),
            libraries=libraries,
            symbol_table=not drops_symbols,
            dwarf="-w" not in words and (not drops_symbols or "-w=0" in words),
        )

    @property
    def full(self) -> "Case | None":
        """The same build with all its symbols and DWARF, None for one that has them."""
        full = {"w": "default", "s-w0": "default", "strip": "default"}
        name = full.get(self.config.name, self.config.name.replace("pie+strip", "pie"))
        name = name.removeprefix("strip+")
        return None if name == self.config.name else case(self.release, self.program, name)

    @property
    def plain(self) -> "Case":
        """The program's default build by the same release."""
        return case(self.release, self.program, "default")


def verdict(pie: bool, static: bool, libraries: bool) -> str:
    """Return the words for one way of linking."""
    if pie:
        if static:
            return "static PIE"
        return "dynamic PIE" if libraries else "PIE without libraries"
    if static:
        return "static with libc"
    return "dynamic" if libraries else "static Go"


def case(release: str, program: str, config: str) -> Case:
    """Return a case by names."""
    return Case(release, program, MORE_CONFIGS.get(config) or find_config(config))


def can_be_built(found: Case) -> bool:
    """Return whether the release knows what the configuration asks for."""
    minor = int(found.release.split(".")[1])
    return found.config.name != "s-w0" or minor >= 22


def buildable(found: Case, chain: Toolchain) -> bool:
    """Return whether this machine has the C compiler that the case needs."""
    if found.needs_c_compiler and chain.cc is None:
        return False
    return not found.needs_glibc or (chain.cc is not None and chain.cc.source != "ziglang")


def whole() -> Iterator[Case]:
    """Yield every case."""
    for release in RELEASES:
        for program, configs in CONFIGS_OF.items():
            for config in configs:
                if can_be_built(found := case(release, program, config)):
                    yield found


def with_full(cases: list[Case]) -> list[Case]:
    """Return the cases and those that they are compared with, each once."""
    others = [other for each in cases for other in (each.full, each.plain) if other]
    return list(dict.fromkeys([*cases, *others]))
