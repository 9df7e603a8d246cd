"""The go command's reasons for not listing a program, each as one sentence with what to do.

What is the same for all go commands (modules, network, checksums, releases) is told by
labhelpers/gomessages.py. Here is what only `go list` says of packages: the forms of
cmd/go/internal/load/pkg.go and modload/{init,modfile,vendor}.go of Go 1.21 to 1.27.
"""

import re
from collections.abc import Callable

from labhelpers.errors import LabError
from labhelpers.gomessages import explain
from labhelpers.programs import Program

Say = Callable[[re.Match[str], str], str]


def refusal(program: Program, message: str, place: str = "", package: str = "") -> LabError:
    """Return the error for what the go command said of a program or one of its packages.

    Args:
        program: which program it was asked about.
        message: its words, of one package's "Error" or all that it wrote.
        place: file, line and column as go list gives them, where it does.
        package: the import path where it is not the program's own package.
    """
    text = message.strip()
    who = f"{package} (imported by {program.name})" if package else program.name
    for pattern, say in SAYINGS:
        if found := re.search(pattern, text):
            return LabError(say(found, who))
    sentence = explain(text, program.name, "cannot be listed")
    line = ":".join(place.rpartition("/")[2].split(":")[:2])
    return LabError(f"{sentence} (The import stands in {line}.)" if line else sentence)


def _no_module(found: re.Match[str], who: str) -> str:
    return (
        f"There is no go.mod in the folder of {who} nor above it: run `go mod init` there, or name "
        "a folder of a module."
    )


def _bad_mod(found: re.Match[str], who: str) -> str:
    file, line, said = found.groups()
    return (
        f"The {file.rpartition('/')[2]} of {who} cannot be read (line {line}: {said.strip()}): "
        "correct that line."
    )


def _vendoring(found: re.Match[str], who: str) -> str:
    return f"The folder vendor of {who} does not fit its go.mod: run `go mod vendor` there."


def _all_out(found: re.Match[str], who: str) -> str:
    return (
        f"{who} has no Go file that is built on this system, as the build constraints of each "
        "leave it out: take a program for Linux."
    )


def _c_without_cgo(found: re.Match[str], who: str) -> str:
    return (
        f"{who} holds C sources ({found[1]}), which Go compiles only in a package with "
        '`import "C"`: give a Go file of it that line, or take the C away.'
    )


def _in_test(found: re.Match[str], who: str) -> str:
    return (
        f'{who} has `import "C"` in a test file ({found[1].rpartition("/")[2]}), which Go refuses '
        "for the whole package: move it to a file that is no test."
    )


def _two(found: re.Match[str], who: str) -> str:
    return f"The folder of {who} holds two packages, {found[1]}: keep one of them there."


def _internal(found: re.Match[str], who: str) -> str:
    return f"{who} imports {found[1]}, which is internal to another module: take that import away."


def _cycle(found: re.Match[str], who: str) -> str:
    return f"{who} is in a circle of imports: take one import of that circle away."


def _outside(found: re.Match[str], who: str) -> str:
    return (
        f"The go.work above the folder of {who} does not name its module: run `go work use .` "
        "there, or set GOWORK=off."
    )


def _not_there(found: re.Match[str], who: str) -> str:
    return (
        f"The go.work above the folder of {who} names {found[1]}, which is not there: take that "
        "line out of it, or set GOWORK=off."
    )


SAYINGS: tuple[tuple[str, Say], ...] = (
    (r"go\.mod file not found", _no_module),
    (r"errors parsing \S+\s+(\S*go\.(?:mod|work)):(\d+)(?::\d+)?: (.+)", _bad_mod),
    (r"inconsistent vendoring", _vendoring),
    (r"use of internal package (\S+) not allowed", _internal),
    (r"import cycle not allowed", _cycle),
    (r"C source files not allowed when not using cgo or SWIG: (.+)", _c_without_cgo),
    (r"build constraints exclude all Go files", _all_out),
    (r"use of cgo in test (\S+) not supported", _in_test),
    (r"found packages (\S+ \(\S+\) and \S+ \(\S+\))", _two),
    (r"cannot load module (\S+) listed in go\.work", _not_there),
    (r"not one of the workspace modules|does not contain modules? listed in go\.work", _outside),
)
