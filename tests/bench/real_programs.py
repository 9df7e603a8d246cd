"""Real Go programs of three sizes, built from pinned modules into golab's cache.

What: esbuild (10 MB class), caddy (50 MB), rclone (100 MB), each once as `go install` gives it and
once with `-ldflags='-s -w'`, by the current release and without cgo. The modules come through the
Go module proxy that the user's Go has set, and the checksum database vouches for them.

Run:   python tests/bench/real_programs.py
Takes: some 10 minutes on 2 cores and 5 GB of Go's build cache; nothing once they are built.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from report import say

from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.toolchain import toolchain

VARIANTS = {"default": "", "strip": "-s -w"}


@dataclass(frozen=True)
class RealProgram:
    """A program of others: its main package, its version, and its class of size in MB."""

    name: str
    package: str
    version: str
    megabytes: int


PROGRAMS = (
    RealProgram("esbuild", "github.com/evanw/esbuild/cmd/esbuild", "v0.28.2", 10),
    RealProgram("caddy", "github.com/caddyserver/caddy/v2/cmd/caddy", "v2.11.9", 50),
    RealProgram("rclone", "github.com/rclone/rclone", "v1.76.0", 100),
)


def install(program: RealProgram, variant: str) -> Path:
    """Return the program's file, built first where it is not in the cache.

    Raises:
        LabError: `go install` failed; its own words are in the message.
    """
    chain = toolchain("current")
    folder = cache_dir("real", f"{program.name}-{program.version}-go{chain.release}", variant)
    file = folder / program.name
    if file.exists():
        return file
    say(f"build {program.name} {program.version}, {variant}")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        done = subprocess.run(
            [
                *(str(chain.go), "install", "-trimpath", f"-ldflags={VARIANTS[variant]}"),
                f"{program.package}@{program.version}",
            ],
            env=chain.environment(cgo=False) | {"GOBIN": scratch},
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: os.nice(10),
        )
        if done.returncode:
            raise LabError(
                f"{program.package}@{program.version} was not built: "
                f"{' '.join(done.stderr.split())[-500:]}"
            )
        (Path(scratch) / program.name).rename(file)
    return file


def main() -> int:
    """Build all and print their sizes."""
    for program in PROGRAMS:
        for variant in VARIANTS:
            file = install(program, variant)
            print(f"{program.name:8} {variant:8} {file.stat().st_size:12,} {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
