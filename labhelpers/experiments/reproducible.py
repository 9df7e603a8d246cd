"""The same source built under different circumstances: which of them does the file's hash show?

A `Workshop` holds copies of one program in folders of names of equal length, so that a difference
between two files is what was written and not where it had to move to. Unlike `labhelpers.build` it
keeps nothing, and it builds without -trimpath or with -buildvcs where it is asked to.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from labhelpers.build import BuildConfig, copy_for_release
from labhelpers.errors import LabError
from labhelpers.machine import usable_cores
from labhelpers.programs import VERSION_CONTROL, Program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

Runner = Callable[[list[str], Path, Mapping[str, str]], str]
FOLDERS = ("first", "other")
TIMEOUT = 600.0
"""Seconds for one command; a build from an empty cache compiles Go's whole runtime."""

WAYS = {
    way.name: way
    for way in (
        BuildConfig("default", cgo=False, trimpath=False),
        BuildConfig("-s -w", cgo=False, trimpath=False, ldflags="-s -w"),
        BuildConfig("pie", cgo=False, trimpath=False, buildmode="pie"),
        BuildConfig("pie, -s -w", cgo=False, trimpath=False, buildmode="pie", ldflags="-s -w"),
        BuildConfig("-trimpath", cgo=False),
        BuildConfig("-trimpath, -s -w", cgo=False, ldflags="-s -w"),
        BuildConfig("-trimpath, pie", cgo=False, buildmode="pie"),
        BuildConfig("all three", cgo=False, buildmode="pie", ldflags="-s -w"),
    )
}
"""The article's switches alone and together; without cgo, so that no C compiler has a say."""


@dataclass(frozen=True)
class Made:
    """A file that a build gave, its hash, and its size in bytes."""

    path: Path
    sha256: str
    bytes: int

    @property
    def short(self) -> str:
        """The hash's first 8 digits."""
        return self.sha256[:8]


@dataclass(frozen=True)
class FoldersRow:
    """One way to build, the short hashes from two folders, and whether the files are the same."""

    go: str
    flags: str
    first: str
    other: str
    same: bool


@dataclass(frozen=True)
class SurroundingRow:
    """What was changed around a build, and whether the file stayed the same."""

    go: str
    changed: str
    flags: str
    same: bool


@dataclass(frozen=True)
class CommitRow:
    """One state of a repository; the short hash of the stamped build and of the one without."""

    go: str
    state: str
    stamped: str
    unstamped: str
    revision: str
    time: str
    modified: str
    module: str


@dataclass(frozen=True)
class CompilerRow:
    """A cgo program, trimmed and stripped, by one C compiler: the short hash from two folders."""

    compiler: str
    first: str
    other: str
    same: bool


def run(argv: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Run a command and return its output.

    Raises:
        LabError: it could not be run, failed, or took more than TIMEOUT seconds; what it said is
            the message.
    """
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{argv[0]} could not be run: {error}.") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or f"it exited with {done.returncode}"
        raise LabError(f"{Path(argv[0]).name} {argv[1]} failed: {said}")
    return done.stdout


class Workshop:
    """Folders in which one program is built by one Go release. Use `with`, or call `close`."""

    def __init__(self, program: Program, toolchain: Toolchain) -> None:
        """Take what to build, and with what; nothing is built yet."""
        self.program = program
        self.toolchain = toolchain
        # Not in golab's cache: a home folder under version control would be stamped into the files.
        self.place = tempfile.TemporaryDirectory(prefix="golab-", ignore_cleanup_errors=True)
        self.root = Path(self.place.name).resolve()
        self.lock = threading.Lock()

    def close(self) -> None:
        """Remove all folders and files."""
        self.place.cleanup()

    def __enter__(self) -> "Workshop":
        """Return the workshop."""
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        """Remove all folders and files."""
        self.close()

    def folder(self, name: str = "first") -> Path:
        """Return the program's folder in the copy of this name, which the first call makes.

        Of a program of the user's the whole module is copied, without its repository.
        """
        copy, program = self.root / name, self.program
        with self.lock:
            if not copy.is_dir() and program.bundled:
                copy_for_release(program, self.toolchain.release, copy)
            elif not copy.is_dir():
                shutil.copytree(program.root, copy, ignore=shutil.ignore_patterns(*VERSION_CONTROL))
        return copy / program.folder.relative_to(program.root)

    def build(
        self,
        way: BuildConfig,
        folder: str = "first",
        words: Iterable[str] = ("-buildvcs=false",),
        run: Runner = run,
        **environment: str,
    ) -> Made:
        """Build in a folder with the switches of `way` and `words`, and some variables changed.

        `run` is what runs the command.

        Raises:
            LabError: the build failed; the message is that of `go build`.
        """
        switches = [word for word in way.arguments() if not word.startswith("-buildvcs")]
        source = self.folder(folder)
        out = Path(tempfile.mkdtemp(dir=self.root, prefix="out-")) / self.program.name
        scratch = tempfile.mkdtemp(dir=self.root, prefix="tmp-")
        static = "-static" in way.ldflags
        variables = self.toolchain.environment(way.cgo, static) | {"TMPDIR": scratch} | environment
        argv = [str(self.toolchain.go), "build", *switches, *words, "-o", str(out), "."]
        run(argv, source, variables)
        content = out.read_bytes()
        return Made(out, sha256(content).hexdigest(), len(content))

    def settings(self, made: Made) -> dict[str, str]:
        """Return what the file says about its build, as `go version -m` reads it."""
        argv = [str(self.toolchain.go), "version", "-m", str(made.path)]
        lines = run(argv, self.root, self.toolchain.environment()).splitlines()[1:]
        found: dict[str, str] = {}
        for kind, *rest in (line.strip().split("\t") for line in lines):
            if kind == "build":
                name, _, value = rest[0].partition("=")
                found[name] = value
            else:
                found[kind] = " ".join(rest).strip()
        return found


def compare_folders(shop: Workshop, ways: Mapping[str, BuildConfig] = WAYS) -> Table[FoldersRow]:
    """Build in two folders, each way; a row a way."""
    jobs = [partial(shop.build, way, folder) for way in ways.values() for folder in FOLDERS]
    made = at_once(jobs)
    pairs = zip(ways, made[0::2], made[1::2], strict=True)
    return Table(
        FoldersRow(shop.toolchain.release, name, a.short, b.short, a.sha256 == b.sha256)
        for name, a, b in pairs
    )


def _newer_files(shop: Workshop, way: BuildConfig) -> Made:
    """Build from sources that all carry another date."""
    for file in shop.folder().iterdir():
        os.utime(file, (0, 0))
    return shop.build(way)


def _other_goroot(shop: Workshop, way: BuildConfig) -> Made:
    """Build with the same toolchain under another name."""
    link = shop.root / "another-go"
    with contextlib.suppress(FileExistsError):
        link.symlink_to(shop.toolchain.goroot)
    return shop.build(way, GOROOT=str(link))


def _other_user(shop: Workshop, way: BuildConfig) -> Made:
    home = shop.root / "home"
    home.mkdir(exist_ok=True)
    return shop.build(
        way,
        USER="somebody",
        LOGNAME="somebody",
        HOME=str(home),
        LANG="de_DE.UTF-8",
        LC_ALL="de_DE.UTF-8",
        TZ="Asia/Shanghai",
    )


SURROUNDINGS: dict[str, Callable[[Workshop, BuildConfig], Made]] = {
    "nothing (built once more)": lambda shop, way: shop.build(way),
    "dates of the source files": _newer_files,
    "user with home and locale": _other_user,
    "one compiler at a time (-p=1)": lambda shop, way: shop.build(
        way, words=["-buildvcs=false", "-p=1"]
    ),
    "folder of the source": lambda shop, way: shop.build(way, "other"),
    "folder of the Go toolchain": _other_goroot,
    "CGO_ENABLED (a C compiler or none)": lambda shop, way: shop.build(replace(way, cgo=True)),
}
"""What may be another on somebody else's machine, and a build under it. Each build comes later than
the first one, so that a time stamp would show in every row."""


def compare_surroundings(
    shop: Workshop, ways: Iterable[BuildConfig], changes: Iterable[str] = SURROUNDINGS
) -> Table[SurroundingRow]:
    """Build each way, then again with one thing changed; a row a change and way."""
    ways, changes = list(ways), list(changes)
    first = at_once([partial(shop.build, way) for way in ways])
    second = int(time.time())
    while int(time.time()) == second:  # a time stamp in seconds would be another one from here on
        time.sleep(0.05)
    jobs = [partial(SURROUNDINGS[name], shop, way) for name in changes for way in ways]
    made = iter(at_once(jobs))
    return Table(
        SurroundingRow(shop.toolchain.release, name, way.name, next(made).sha256 == base.sha256)
        for name in changes
        for way, base in zip(ways, first, strict=True)
    )


def only_a_comment(shop: Workshop, way: BuildConfig) -> tuple[Made, Made]:
    """Build before and after a comment was added behind the last line of a source file."""
    main = min(shop.folder("words").glob("*.go"))
    text = main.read_text()
    before = shop.build(way, "words")
    main.write_text(text + "// Nothing but words.\n")
    try:
        return before, shop.build(way, "words")
    finally:
        main.write_text(text)


def same_from_an_empty_cache(shop: Workshop, way: BuildConfig) -> bool:
    """Say whether compiling everything anew gives the file that the build cache gives."""
    with tempfile.TemporaryDirectory(dir=shop.root, prefix="cache-") as folder:
        anew = shop.build(way, GOCACHE=folder)
    return anew.sha256 == shop.build(way).sha256


def git_missing() -> str | None:
    """Return why no repository can be made here, in a sentence; None where one can."""
    if shutil.which("git"):
        return None
    return "This machine has no git, and so no commit to stamp."


def compare_commits(shop: Workshop, way: BuildConfig) -> Table[CommitRow]:
    """Build states of a repository in which no Go file ever changes.

    Raises:
        LabError: git fails.
    """
    rows: Table[CommitRow] = Table()

    def look(state: str, folder: str) -> None:
        plain, stamped = shop.build(way, folder), shop.build(way, folder, words=[])
        said = shop.settings(stamped)
        rows.append(
            CommitRow(
                go=shop.toolchain.release,
                state=state,
                stamped=stamped.short,
                unstamped=plain.short,
                revision=said.get("vcs.revision", "")[:8],
                time=said.get("vcs.time", ""),
                modified=said.get("vcs.modified", ""),
                module=said["mod"].partition(" ")[2],
            )
        )

    look("no repository", "first")
    shop.folder("repository")
    repository = shop.root / "repository"
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=first", date="2026-01-01T00:00:00Z")
    look("commit 1", "repository")
    git(shop.root, "clone", "--quiet", str(repository), "a-clone")
    look("commit 1, a clone elsewhere", "a-clone")
    (repository / "README").write_text("No line of Go.\n")
    look("commit 1, and a README not committed", "repository")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=README", date="2026-02-01T00:00:00Z")
    look("commit 2: the README", "repository")
    return rows


def git(folder: Path, *words: str, date: str = "") -> None:
    """Run git without the user's own settings; a fixed date and author give fixed commits.

    Raises:
        LabError: it fails.
    """
    roles = ("GIT_AUTHOR", "GIT_COMMITTER")
    who = {f"{role}_{part}": "lab" for role in roles for part in ("NAME", "EMAIL")}
    when = {f"{role}_DATE": date for role in roles if date}
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)}
    run(["git", *words], folder, {"PATH": os.environ.get("PATH", os.defpath), **own, **who, **when})


def other_compilers(toolchain: Toolchain) -> list[Toolchain]:
    """Return this toolchain once with every C compiler that is here."""
    from labhelpers.ccompiler import find_c_compiler

    path = os.environ.get("PATH", os.defpath)
    asked = [{"CC": name, "PATH": path} for name in ("gcc", "clang") if shutil.which(name)]
    # An empty PATH leaves only the wheel.
    found = [find_c_compiler(environ) for environ in [*asked, {"PATH": ""}]]
    found += [toolchain.cc]
    kinds = {compiler.kind: compiler for compiler in reversed(found) if compiler}
    return [replace(toolchain, cc=compiler) for compiler in kinds.values()]


def compilers_missing(toolchain: Toolchain) -> str | None:
    """Return why two C compilers cannot be compared, in a sentence; None where they can."""
    if len(other_compilers(toolchain)) > 1:
        return None
    return "This machine has fewer than two C compilers to compare."


def compare_compilers(
    program: Program, toolchain: Toolchain, way: BuildConfig
) -> Table[CompilerRow]:
    """Build a cgo program in two folders with each C compiler."""
    rows: Table[CompilerRow] = Table()
    for own in other_compilers(toolchain):
        assert own.cc
        with Workshop(program, own) as shop:
            first, other = (shop.build(replace(way, cgo=True), folder) for folder in FOLDERS)
        same = first.sha256 == other.sha256
        rows.append(CompilerRow(own.cc.kind, first.short, other.short, same))
    return rows


def at_once(jobs: Iterable[Callable[[], Made]]) -> list[Made]:
    """Run builds, as many at a time as the process may use cores; return theirs in order."""
    with ThreadPoolExecutor(usable_cores()) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
