"""All that must hold before a change is taken: what `golab test` runs."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from labhelpers.errors import LabError

NBVAL = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=600", "-p", "no:cacheprovider"]
SLOWEST = "--durations=10"
TWO = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
"""Two files at a time, whatever the machine has: each builds with all cores, and in between mostly
waits for one process. In the order of their names, which leaves no long file for the end."""
ALONE = {
    "tests/test_advise_browser.py": "waits for a browser, and stops runs within seconds",
    "tests/test_advise_panel.py": "stops runs within seconds, and looks at the folders of all runs",
    "tests/test_cgocost.py": "says which call takes longer than which",
    "tests/test_crowds.py": "reads what the kernel keeps for the whole machine",
    "tests/test_initcounts.py": "counts page faults, and says what takes longer",
    "tests/test_maxprocs.py": "says which call takes longer, by intervals",
    "tests/test_procresize.py": "says which call takes longer",
    "tests/test_spawn.py": "presses Ctrl-C at chosen moments of a start",
    "tests/test_starts.py": "gives programs half a second, and looks for what they left running",
    "tests/test_study.py": "looks at the folders of all runs",
    "labs/12-the-63-percent.ipynb": "asserts effects on the time of a start",
}
"""Files that need the machine to themselves, and why: they run after the others, one at a time.

What the others check must not depend on how long a thing takes beside another, nor on what else is
done with the cache. A file that is not here runs beside another one."""


def checks() -> dict[str, list[str]]:
    """Return each check's command by name; all run in the checkout's folder."""
    pytest, labs = ["pytest", "-q", SLOWEST], ["pytest", "-q", SLOWEST, *NBVAL]
    return {
        "ruff": ["ruff", "check", "."],
        "format": ["ruff", "format", "--check", "."],
        "types": ["mypy"],
        "tests": [*pytest, *TWO, *others("tests"), "tests"],
        "tests alone": [*pytest, *alone("tests")],
        "labs": [*labs, *TWO, *others("labs"), "labs"],
        "labs alone": [*labs, *alone("labs")],
    }


def alone(folder: str) -> list[str]:
    """Return the files of a folder that run alone."""
    return [file for file in ALONE if file.startswith(f"{folder}/")]


def others(folder: str) -> list[str]:
    """Return pytest's words for all files of a folder but those that run alone."""
    return [f"--ignore={file}" for file in alone(folder)]


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
    # A test run of the labs is none of the user's: its verdicts do not go into the ledger.
    with tempfile.TemporaryDirectory() as ledger:
        environment = {**os.environ, "GOLAB_LEDGER": ledger}
        for name, (module, *arguments) in checks().items():
            print(f"== {name}: {module} {' '.join(arguments)}", flush=True)
            command = [sys.executable, "-m", module, *arguments]
            if subprocess.run(command, cwd=checkout, env=environment, check=False).returncode:
                failed.append(name)
    return failed
