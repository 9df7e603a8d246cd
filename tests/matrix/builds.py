"""The files of the matrix: built as cases.py says, or for another machine or system."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from matrix.cases import Case, buildable

from labhelpers.build import Binary, build_all
from labhelpers.programs import find_program
from labhelpers.toolchain import toolchain


def build_cases(cases: Sequence[Case]) -> dict[Case, Binary]:
    """Build all cases that this machine has the C compiler for, and return them by case.

    Raises:
        AssertionError: one of them failed to build: cases.py holds only what can be built.
    """
    chains = {release: toolchain(release) for release in dict.fromkeys(c.release for c in cases)}
    wanted = [c for c in dict.fromkeys(cases) if buildable(c, chains[c.release])]
    jobs = [(find_program(c.program), c.config, chains[c.release]) for c in wanted]
    built = dict(zip(wanted, build_all(jobs), strict=True))
    failed = {str(c): binary.log for c, binary in built.items() if binary.path is None}
    assert not failed, failed
    return built


def foreign(architecture: str, folder: Path, system: str = "linux") -> Path:
    """Build the program empty for another machine, without cgo, by the current release."""
    chain = toolchain("current")
    file = folder / f"empty-{system}-{architecture}"
    if not file.exists():
        environment = chain.environment(cgo=False) | {"GOOS": system, "GOARCH": architecture}
        command = [str(chain.go), "build", "-trimpath", "-buildvcs=false", "-o", str(file), "."]
        source = find_program("empty").folder
        subprocess.run(command, check=True, cwd=source, env=environment)
    return file
