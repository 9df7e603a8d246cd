"""Build constraints: which tag would leave a Go file out.

The syntax of a `//go:build` line and the tags that are always set: `go help buildconstraint`,
go/build/constraint/expr.go.
"""

import platform
import re
from collections.abc import Iterable
from pathlib import Path

from labhelpers.cgo.imports import Package

PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}
TOKEN = re.compile(r"\s*(&&|\|\||[!()]|[^\s!()&|]+)")
SET = {"linux", "unix", "gc", "cgo", PROCESSORS.get(platform.machine(), platform.machine())}
NOT_A_CHOICE = re.compile(
    r"go1\.\d+|cgo|gc|gccgo|gcc|unix|ignore|race|msan|asan|aix|android|darwin|dragonfly|freebsd|"
    r"hurd|illumos|ios|js|linux|nacl|netbsd|openbsd|plan9|solaris|wasip1|windows|zos|386|amd64|"
    r"amd64p32|arm|arm64|loong64|mips|mipsle|mips64|mips64le|ppc64|ppc64le|riscv64|s390x|sparc64|"
    r"wasm|goexperiment\..*|tinygo|appengine"
)
"""Tags that the go command sets by itself, or that stand for another system or compiler."""


def build_line(file: Path) -> str:
    """Return the expression of a file's `//go:build` line, "" where it has none."""
    try:
        with file.open(errors="replace") as lines:
            for line in lines:
                if line.startswith("//go:build "):
                    return line.removeprefix("//go:build ").strip()
                if line.startswith("package "):
                    break
    except OSError:
        pass
    return ""


def tags_of(expression: str) -> set[str]:
    """Return the tags in an expression that somebody may choose with -tags."""
    words = {word for word in TOKEN.findall(expression) if word not in ("&&", "||", "!", "(", ")")}
    return {word for word in words if not NOT_A_CHOICE.fullmatch(word)}


def holds(expression: str, tags: Iterable[str], release: str = "1.99") -> bool:
    """Say whether an expression is true for these tags, beside those that are always set.

    An expression that cannot be read counts as true, as a file without one does.
    """
    tokens = TOKEN.findall(expression)
    minor = int(release.split(".")[1])
    known = {*SET, *tags, *(f"go1.{n}" for n in range(1, minor + 1))}
    try:
        value, rest = _either(tokens, known)
    except (IndexError, ValueError):
        return True
    return True if rest else value


def excluding_tags(package: Package) -> list[str]:
    """Return the tags each of which would leave out all files with `import "C"` of a package."""
    lines = [build_line(package.folder / name) for name in package.cgo_files]
    candidates = set.intersection(*(tags_of(line) for line in lines)) if lines else set[str]()
    return sorted(
        tag
        for tag in candidates
        if all(holds(line, ()) and not holds(line, (tag,)) for line in lines)
    )


def _either(tokens: list[str], known: set[str]) -> tuple[bool, list[str]]:
    value, tokens = _both(tokens, known)
    while tokens and tokens[0] == "||":
        other, tokens = _both(tokens[1:], known)
        value = value or other
    return value, tokens


def _both(tokens: list[str], known: set[str]) -> tuple[bool, list[str]]:
    value, tokens = _single(tokens, known)
    while tokens and tokens[0] == "&&":
        other, tokens = _single(tokens[1:], known)
        value = value and other
    return value, tokens


def _single(tokens: list[str], known: set[str]) -> tuple[bool, list[str]]:
    first, rest = tokens[0], tokens[1:]
    if first == "!":
        value, rest = _single(rest, known)
        return not value, rest
    if first == "(":
        value, rest = _either(rest, known)
        if rest[0] != ")":
            raise ValueError(first)
        return value, rest[1:]
    if first in ("&&", "||", ")"):
        raise ValueError(first)
    return first in known, rest
