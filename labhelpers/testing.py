"""All that must hold before a change is taken: what `golab test` runs."""

import subprocess
import sys
from pathlib import Path

from labhelpers.errors import LabError

NBVAL = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=600", "-p", "no:cacheprovider"]


def checks() -> dict[str, list[str]]:
    """Return each check's command by name; all run in the checkout's folder."""
    return {
        "ruff": ["ruff", "check", "."],
        "format": ["ruff", "format", "--check", "."],
        "types": ["mypy"],
        "tests": ["pytest", "-q", "--durations=10"],
        "labs": ["pytest", "-q", *NBVAL, "--durations=10", "labs"],
    }


def run_tests() -> list[str]:
    """Run every check, even after one has failed; return the names of those that failed.

    Raises:
        LabError: this is no checkout, or the test tools are not installed.
    """
    checkout = Path(__file__).resolve().parent.parent
    if not (checkout / "tests").is_dir():
        raise LabError(
            "The tests are in the checkout only: clone the repository, run ./golab test."
        )
    failed = []
    for name, (module, *arguments) in checks().items():
        print(f"== {name}: {module} {' '.join(arguments)}", flush=True)
        command = [sys.executable, "-m", module, *arguments]
        if subprocess.run(command, cwd=checkout, check=False).returncode:
            failed.append(name)
    return failed
