"""A check of the shape of chapter 5's shell lines, run in the situations that it will meet.

The lines read a version from a cluster, compare it with a file in Git through `diff` and a process
substitution, and print one sentence or the other by `&& … ||`. Here `deployed`, a script that
prints a file, plays the cluster's part: like `kubectl -o jsonpath` it ends its output without a
newline (`jsonpath_end` asks the real one). Git and the shells are real.

Sources: bash(1), "Process Substitution" and "Lists"; POSIX.1-2017, Shell Command Language, which
knows the second and not the first; git-show(1); diff(1).
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.table import Table

SECONDS = 60
"""After which a shell or git is given up: each takes milliseconds."""
ARTICLE = "as in the article"
MENDED = "mended"
SAME, DIFFERENT = "same", "different"

LINES = """\
deployed | diff - <(git show HEAD:version) > /dev/null &&
    echo same || echo "different at $(date +%s)"
"""
"""The article's shape in words of our own: one pipe, one list, and nothing that can fail aloud."""
BETTER = """\
live=$(deployed) || { echo "the cluster cannot be read" >&2; exit 2; }
wanted=$(git show main:version) || { echo "Git cannot be read" >&2; exit 2; }
if [ "$live" = "$wanted" ]; then echo same; else echo "different at $(date +%s)"; exit 1; fi
"""
"""What says which of the three it is, by its exit status, too; in any POSIX shell."""


@dataclass(frozen=True)
class Situation:
    """What a check meets: `deployed` None means that the cluster cannot be asked at all.

    `committed` is the file's content on main, None where it is not there; `branch` is what another
    branch, which is then checked out, holds. `agree` says what is true, None where nobody can tell.
    """

    name: str
    deployed: str | None
    committed: str | None
    agree: bool | None
    branch: str | None = None
    shell: str = "bash"


SITUATIONS = (
    Situation("same version, file ends without a newline", "1.4", "1.4", True),
    Situation("same version, file ends in a newline", "1.4", "1.4\n", True),
    Situation("different versions", "1.3", "1.4", False),
    Situation("cluster cannot be asked", None, "1.4", None),
    Situation("neither side can be read", None, None, None),
    Situation("same version on main, other branch checked out", "1.4", "1.4", True, "1.5"),
    Situation("different version on main, other branch checked out", "1.4", "1.5", False, "1.4"),
    Situation("same version, run by a plain sh", "1.4", "1.4", True, shell="sh"),
)


@dataclass(frozen=True)
class Trial:
    """One run of a check.

    `said` is its sentence without the time: "same", "different", or "" where it prints none.
    `right` says whether that is so; where nobody could tell, only to say neither is right.
    `clock` says whether the time that it names is that of the run, None where it names none.
    """

    check: str
    situation: str
    shell: str
    agree: bool | None
    said: str
    exit: int
    right: bool
    clock: bool | None


def impossible() -> str | None:
    """Say why the checks cannot be tried here, None where they can."""
    missing = [tool for tool in ("bash", "git", "diff") if not shutil.which(tool)]
    if missing:
        return f"There is no {' and no '.join(missing)} on this machine to try the lines with."
    if plain_shell() is None:
        return "The sh of this machine is bash, so a plain sh cannot be tried."
    return None


def plain_shell() -> str | None:
    """Return a shell without bash's own additions, None where there is none."""
    for name in ("dash", "sh"):
        path = shutil.which(name)
        if path and not _run([path, "-c", 'printf "%s" "${BASH_VERSION-}"'], Path("/")).stdout:
            return path
    return None


def drift_check_trials(folder: Path | None = None) -> Table[Trial]:
    """Run both checks in every situation.

    Args:
        folder: for the repositories, in a folder of its own each; a temporary one if not given.

    Raises:
        LabError: git, bash or sh is missing or does not do its part.
    """
    if reason := impossible():
        raise LabError(f"{reason} Install it, or read the recorded trials (14-drift).")
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="golab-drift-") as scratch:
            return drift_check_trials(Path(scratch))
    trials: Table[Trial] = Table()
    for number, situation in enumerate(SITUATIONS):
        repository = _repository(folder / str(number), situation)
        for name, script in ((ARTICLE, LINES), (MENDED, BETTER)):
            trials.append(_trial(name, script, situation, repository))
    return trials


def jsonpath_end() -> str:
    """Return what a real `kubectl -o jsonpath` puts behind a value: "" where it puts nothing.

    It prints a config map that it makes up itself, so that no cluster is asked.

    Raises:
        LabError: it does not print the value.
    """
    words = "create configmap golab --from-literal=version=1.4 --dry-run=client -o"
    done = _run(["kubectl", *words.split(), "jsonpath={.data.version}"], Path("/"))
    value, found, end = done.stdout.partition("1.4")
    if done.returncode or value or not found:
        raise LabError(f"kubectl printed no version ({done.stderr.strip()}): run it by hand.")
    return end


def no_kubectl() -> str | None:
    """Say that there is no kubectl here, None where there is one."""
    return None if shutil.which("kubectl") else "There is no kubectl on this machine."


def _repository(folder: Path, situation: Situation) -> Path:
    """Return a repository in which HEAD is what the situation says, and `deployed` beside it."""
    tools = folder / "tools"
    tools.mkdir(parents=True)
    if situation.deployed is not None:
        (folder / "live").write_text(situation.deployed)
        script = tools / "deployed"
        script.write_text('#!/bin/sh\nexec cat "$(dirname "$0")/../live"\n')
        script.chmod(0o755)
    work = folder / "work"
    work.mkdir()
    _git(work, "init", "-q")
    _git(work, "symbolic-ref", "HEAD", "refs/heads/main")
    _commit(work, situation.committed)
    if situation.branch is not None:
        _git(work, "checkout", "-q", "-b", "trial")
        _commit(work, situation.branch)
    return work


def _commit(work: Path, content: str | None) -> None:
    name = "README" if content is None else "version"
    (work / name).write_text(content or "no version here\n")
    _git(work, "add", name)
    _git(work, "commit", "-q", "-m", "a version")


def _git(work: Path, *words: str) -> None:
    done = _run(["git", *words], work)
    if done.returncode:
        raise LabError(f"git {words[0]} failed ({done.stderr.strip()}): is git whole?")


def _trial(check: str, script: str, situation: Situation, work: Path) -> Trial:
    shell = situation.shell if situation.shell == "bash" else plain_shell() or situation.shell
    before = int(time.time())
    done = _run([shell, "-c", script], work)
    after = time.time()
    said, _, stamp = done.stdout.strip().partition(" at ")
    if said not in (SAME, DIFFERENT, ""):
        raise LabError(f"The check said {said!r}: run it by hand in {shell}.")
    return Trial(
        check=check,
        situation=situation.name,
        shell=situation.shell,
        agree=situation.agree,
        said=said,
        exit=done.returncode,
        right=said == {True: SAME, False: DIFFERENT, None: ""}[situation.agree],
        clock=before <= int(stamp) <= after if re.fullmatch(r"\d+", stamp) else None,
    )


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with a git that knows no user and no settings but ours."""
    who = {"NAME": "golab", "EMAIL": "golab@localhost"}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        **{f"GIT_{role}_{name}": who[name] for role in ("AUTHOR", "COMMITTER") for name in who},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "PATH": os.pathsep.join([str(folder.parent / "tools"), os.environ.get("PATH", "")]),
        "KUBECONFIG": os.devnull,  # no cluster of the user is asked
        "LC_ALL": "C",
    }
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{command[0]} did not run to its end ({error}): run it by hand.") from error
