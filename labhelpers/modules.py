"""Programs out of the Go module proxy: MODULE@VERSION, and whether a program's modules are here.

A module's folder in the module cache is built as a clone of its repository would be: its own
go.mod, with its replacements, and its own go.sum decide. It is read-only, and nothing is written.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from labhelpers.errors import LabError, Stopped
from labhelpers.gomessages import explain
from labhelpers.paths import cache_dir
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain
from labhelpers.workspace import workspace

OFFLINE = "GOLAB_OFFLINE"
"""Set in the environment, it forbids to fetch modules."""
FETCH_SECONDS = 600.0
NOT_THERE = r"404 Not Found|410 Gone|not found|malformed module path|no such file or directory"
"""What proxies say of a path that is no module; the last of them, those that are folders."""
NAMED = re.compile(r"([A-Za-z0-9][\w.~/+-]*)@([\w.+-]+)")


def find_package(name: str, chain: Toolchain, stop: threading.Event | None = None) -> Program:
    """Return the program that is meant: bundled, in a folder, or PACKAGE@VERSION.

    A package's module is the longest prefix of its path that is one, as in `go install`.

    Raises:
        LabError: there is no such program, or it cannot be fetched.
    """
    folder = Path(name).expanduser()
    if folder.is_dir() or "@" not in name:
        return find_program(name)
    match = NAMED.fullmatch(name)
    if not match:
        raise LabError(
            f"{name!r} names no version of a package: write it like example.com/tool@v1.2.3."
        )
    package, version = match.groups()
    module, place = _fetch(package, version, chain, stop)
    folder = Path(place) / package[len(module) :].strip("/")
    if not any(folder.glob("*.go")):
        raise LabError(
            f"The module {module}@{version} has no package {package}: name the folder of its main "
            "package (often MODULE/cmd/NAME)."
        )
    if not (Path(place) / "go.mod").is_file():
        raise LabError(f"{module}@{version} has no go.mod of its own: clone it and add one.")
    parts = [part for part in package.split("/") if not re.fullmatch(r"v\d+", part)]
    return Program(parts[-1], folder, fetched=True)


def modules_missing(program: Program, chain: Toolchain) -> str | None:
    """Say why the modules of a program cannot be had, None where all are in the cache by now.

    The cache is asked first, then the network, unless GOLAB_OFFLINE is set.
    """
    words = ["list", "-deps", "-f", "{{.ImportPath}}", "."]
    for proxy in ({"GOPROXY": "off"}, {}):
        if not proxy and os.environ.get(OFFLINE):
            return f"The modules of {program.name} are not here, and {OFFLINE} is set."
        try:
            with workspace(program, chain) as own:
                status, _, log = run_go(chain, words, program.folder, own | proxy)
        except LabError as error:
            return str(error)
        if not status:
            return None
    return explain(log, program.name)


def run_go(
    chain: Toolchain,
    words: Sequence[str],
    folder: Path,
    extra: dict[str, str] | None = None,
    stop: threading.Event | None = None,
    timeout: float = FETCH_SECONDS,
) -> tuple[int, str, str]:
    """Run a go command that builds nothing; return its exit status, its output and its messages.

    Args:
        chain: the release, whose environment the command gets.
        words: the command, without `go`.
        folder: where to run it.
        extra: variables beside the environment.
        stop: ends the command as soon as it is set.
        timeout: seconds after which it is ended.

    Raises:
        LabError: it cannot be run, or did not end in time.
        Stopped: `stop` was set.
    """
    if stop and stop.is_set():
        raise Stopped
    environment = chain.environment() | (extra or {})
    if os.environ.get(OFFLINE):
        environment["GOPROXY"] = "off"
    try:
        process = subprocess.Popen(
            [str(chain.go), *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise LabError(f"{chain.go} could not be run in {folder} ({error.strerror}).") from error
    left = timeout
    try:
        while True:
            try:
                out, err = process.communicate(timeout=0.2)
                return process.returncode, out, err
            except subprocess.TimeoutExpired:
                left -= 0.2
            if stop and stop.is_set():
                raise Stopped
            if left <= 0:
                raise LabError(f"go {' '.join(words)} did not end within {timeout:g} s.")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _fetch(
    package: str, version: str, chain: Toolchain, stop: threading.Event | None
) -> tuple[str, str]:
    """Return the module that holds the package, and its folder in the module cache."""
    parts = package.split("/")
    prefixes = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    proxies = chain.environment().get("GOPROXY") or "https://proxy.golang.org,direct"
    # A path that is no module makes Go ask its repository: only where no proxy knows any prefix.
    alone = ",".join(part for part in re.split(r"[,|]", proxies) if part != "direct")
    log = ""
    with tempfile.TemporaryDirectory(dir=cache_dir("go", "tmp")) as empty:
        for proxy in dict.fromkeys(filter(None, (alone, proxies))):
            for prefix in prefixes:
                words = ["mod", "download", "-json", f"{prefix}@{version}"]
                _, out, messages = run_go(chain, words, Path(empty), {"GOPROXY": proxy}, stop)
                answer = _answer(out)
                if found := answer.get("Dir"):
                    return prefix, str(found)
                said = answer.get("Error") or messages
                if not re.search(NOT_THERE, said):
                    raise LabError(explain(said, f"{package}@{version}", "cannot be fetched"))
                log = log or said
    raise LabError(
        f"No module proxy knows {package}@{version} or a module above it: check the path and the "
        f"version. ({_first_line(log)})"
    )


def _answer(output: str) -> dict[str, str]:
    try:
        document = json.loads(output)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["no answer"])[0][:200]
