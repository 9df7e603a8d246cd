"""What a compiled Java class needs before it runs: tried with the smallest program there is."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.programs import labs_folder
from labhelpers.table import Table

NAME = "Empty"
SECONDS = 60


@dataclass(frozen=True)
class Attempt:
    """One way to start the class, and whether the program ran to its end."""

    way: str
    runs: bool


def impossible() -> str | None:
    """Return why nothing of Java can be tried here, in a sentence; None where it can."""
    missing = [tool for tool in ("java", "javac") if not shutil.which(tool)]
    return f"{' and '.join(missing)} not found on this machine." if missing else None


def attempts() -> Table[Attempt]:
    """Compile an empty program to one class file, no jar, and start it in three ways.

    Raises:
        LabError: it does not compile.
    """
    source = labs_folder() / "programs" / "java" / f"{NAME}.java"
    with tempfile.TemporaryDirectory() as name:
        folder, elsewhere = Path(name) / "classes", Path(name) / "elsewhere"
        folder.mkdir()
        elsewhere.mkdir()
        made = _run("javac", "-d", str(folder), str(source))
        if made.returncode:
            raise LabError(f"javac does not compile {source.name}: {made.stderr.strip()}")
        own = folder / f"{NAME}.class"
        own.chmod(0o755)
        return Table(
            [
                Attempt("the class by itself", _starts(own)),
                Attempt("java, no class path to it", _java(elsewhere)),
                Attempt("java, with a class path", _java(folder)),
            ]
        )


def _starts(file: Path) -> bool:
    try:
        return subprocess.run([file], timeout=SECONDS, check=False).returncode == 0
    except OSError:  # no format that the kernel knows
        return False


def _java(classes: Path) -> bool:
    return _run("java", "-cp", str(classes), NAME).returncode == 0


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    # A class path in the environment would be one more way to find the class.
    environment = {key: value for key, value in os.environ.items() if key != "CLASSPATH"}
    return subprocess.run(
        words, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
    )
