"""One real `go build`: BuildConfig → Binary, cached by content, with command, log and time."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, fields, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labhelpers.errors import LabError, Stopped
from labhelpers.machine import usable_cores
from labhelpers.overlayfiles import Overlay, shell_lines, write_overlay
from labhelpers.paths import cache_dir, unwritable
from labhelpers.programs import Program
from labhelpers.toolchain import Toolchain
from labhelpers.workspace import workspace

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class BuildConfig:
    """How to build: the switches of `go build` (`go help build`, `go tool link`).

    `cgo` None means Go's own default: on where there is a C compiler. `trimpath` is on because a
    file's size otherwise moves with the length of the source folder's name. `overlay` holds files
    below GOROOT/src, each with the whole text that this build takes in its place or adds.
    """

    name: str = "custom"
    ldflags: str = ""
    linkmode: str = ""
    cgo: bool | None = None
    tags: tuple[str, ...] = ()
    buildmode: str = ""
    gcflags: str = ""
    trimpath: bool = True
    overlay: Overlay = ()

    def arguments(self, overlay_file: str = "overlay.json") -> list[str]:
        """Return the switches for `go build`, which finds the overlay, if any, in that file."""
        ldflags = " ".join(
            filter(None, [self.linkmode and f"-linkmode={self.linkmode}", self.ldflags])
        )
        return [
            "-buildvcs=false",
            *(["-trimpath"] if self.trimpath else []),
            *([f"-overlay={overlay_file}"] if self.overlay else []),
            *([f"-buildmode={self.buildmode}"] if self.buildmode else []),
            *([f"-tags={','.join(self.tags)}"] if self.tags else []),
            *([f"-gcflags={self.gcflags}"] if self.gcflags else []),
            *([f"-ldflags={ldflags}"] if ldflags else []),
        ]


@dataclass(frozen=True)
class Binary:
    """What one build gave: a file, or the reason why there is none.

    `command` is what to type in the program's folder; `script` is the same build in full, with
    its whole environment, as a POSIX shell takes it. `seconds` is the wall time of the build that
    made the file, not of the look-up in the cache.
    """

    program: str
    config: str
    go: str
    cgo: bool
    command: str
    script: str
    exit_status: int
    log: str
    seconds: float
    path: Path | None
    bytes: int | None
    sha256: str | None

    @property
    def error(self) -> str | None:
        """The first sentence of a failed build's log, None where the build succeeded."""
        if self.exit_status == 0:
            return None
        lines = [line.strip() for line in self.log.splitlines() if not line.startswith("#")]
        text = next(filter(None, lines), f"go build exited with {self.exit_status}")
        return re.sub(r"^\S*/(?=link: |cgo: |compile: )", "", text)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that others rely on; no path of this machine among them."""
        own = {"path", "script"}
        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in own}
        return {**kept, "error": self.error}


def to_frame(binaries: Iterable[Binary]) -> "pd.DataFrame":
    """Return a table of builds, a row each, failed ones with their error."""
    import pandas as pd

    rows = [binary.as_dict() for binary in binaries]
    return pd.DataFrame(rows)[["program", "go", "config", "bytes", "seconds", "command", "error"]]


def build(program: Program, config: BuildConfig, toolchain: Toolchain) -> Binary:
    """Build one program, or return what the same content, switches and toolchain gave before.

    Only builds that succeeded are kept: a failure may be the network's, and fails again in no time.

    Raises:
        LabError: the machine could not do it (disk full, killed, cache read-only); what the
            program or its switches do not allow comes back as a Binary with `error`.
    """
    return build_all([(program, config, toolchain)])[0]


def build_all(
    jobs: Sequence[tuple[Program, BuildConfig, Toolchain]],
    progress: Callable[[Binary], None] = lambda binary: None,
    stop: threading.Event | None = None,
) -> list[Binary]:
    """Build every job, as many at once as the process may use cores, and return them in order.

    An exception, Ctrl-C included, ends all builds under way and leaves no file half written; so
    does `stop`, when it is set.

    Raises:
        Stopped: `stop` was set.
    """
    cores = usable_cores()
    workers = max(1, min(cores, len(jobs)))
    contents = {program: program.content for program in dict.fromkeys(job[0] for job in jobs)}
    running = RunningBuilds(contents, processes_each=max(1, cores // workers))

    binaries: list[Binary] = []
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(running.cached_or_built, *job) for job in jobs]
        try:
            for future in futures:
                while stop and not wait([future], timeout=0.2).done:
                    if stop.is_set():
                        raise Stopped
                binaries.append(future.result())
                progress(binaries[-1])  # here, and so in one thread only
            return binaries
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            running.stop()
            raise


class RunningBuilds:
    """The `go build` processes under way, each in a group of its own so that all can be ended."""

    def __init__(self, contents: Mapping[Program, str], processes_each: int) -> None:
        """Take each program's content, and how many compilers a build may run (`-p`)."""
        self.contents = contents
        self.processes_each = processes_each
        self.stopped = False
        self.lock = threading.Lock()
        self.groups: set[int] = set()

    def stop(self) -> None:
        """End every build under way and let no further one begin."""
        with self.lock:
            self.stopped = True
            for group in self.groups:
                with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                    os.killpg(group, signal.SIGKILL)

    def cached_or_built(
        self, program: Program, config: BuildConfig, toolchain: Toolchain
    ) -> Binary:
        """Return the cached Binary, else build it and put it into the cache by one rename."""
        from filelock import FileLock

        place = cache_dir("builds") / key(program, self.contents[program], config, toolchain)
        if binary := load(place, program, config, toolchain):
            return binary
        try:
            # Another process may be at this very build; Ctrl-C ends the wait for it, too.
            with FileLock(place.with_suffix(".lock")).acquire(cancel_check=lambda: self.stopped):
                if binary := load(place, program, config, toolchain):
                    return binary
                with tempfile.TemporaryDirectory(dir=place.parent, prefix="tmp-") as scratch:
                    binary = self.go_build(program, config, toolchain, Path(scratch), place)
            return binary
        except OSError as error:
            raise unwritable(place.parent, error.strerror or error) from error

    def go_build(
        self,
        program: Program,
        config: BuildConfig,
        toolchain: Toolchain,
        scratch: Path,
        place: Path,
    ) -> Binary:
        """Run `go build` in `scratch`; rename the result to `place` if there is one."""
        folder = program.folder
        if program.bundled:
            folder = copy_for_release(program, toolchain.release, scratch / "source")
        made = scratch / "made"
        made.mkdir()
        table = write_overlay(config.overlay, toolchain.goroot, scratch / "overlay")
        words = ["build", f"-p={self.processes_each}", *config.arguments(str(table))]
        environment = go_environment(config, toolchain)
        # What a build leaves behind when it is ended goes with the scratch folder.
        environment["TMPDIR"] = str(scratch)
        begin = time.monotonic()
        with workspace(program, toolchain) as variables:
            status, log = self.run(
                [str(toolchain.go), *words, "-o", str(made / program.name), "."],
                folder,
                environment | variables,
                scratch / "log",
            )
        seconds = time.monotonic() - begin
        if not status and not os.access(made / program.name, os.X_OK):
            status, log = 1, f"{program.name} is no main package, so there is nothing to start"
        refuse_machine_trouble(status, log, program, place.parent)
        command, script = by_hand(program, config, toolchain)
        binary = Binary(
            program=program.name,
            config=config.name,
            go=toolchain.release,
            cgo=has_cgo(config, toolchain),
            command=command,
            script=script,
            exit_status=status,
            log=log.replace(f"{folder}/", ""),
            seconds=round(seconds, 3),
            path=None,
            bytes=None,
            sha256=None,
        )
        return binary if status else keep(binary, made, place)

    def run(
        self, argv: list[str], folder: Path, environment: dict[str, str], log: Path
    ) -> tuple[int, str]:
        """Run one command in a process group of its own; return its exit status and its output."""
        with log.open("w+b") as output:
            with self.lock:
                if self.stopped:
                    raise LabError("The build was stopped before it began.")
                try:
                    process = subprocess.Popen(
                        argv,
                        cwd=folder,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                except OSError as error:
                    raise LabError(
                        f"{argv[0]} could not be run in {folder} ({error.strerror}): "
                        "check that both are there."
                    ) from error
                self.groups.add(process.pid)
            try:
                status = process.wait()
            finally:
                with self.lock:
                    self.groups.discard(process.pid)
        return status, log.read_text(errors="replace")


def key(program: Program, content: str, config: BuildConfig, toolchain: Toolchain) -> str:
    """Return the name of a build's folder in the cache: a hash of all that decides its bytes."""
    switches = {k: v for k, v in asdict(config).items() if k != "name"}
    if not config.overlay:  # so that builds from before there were overlays keep their names
        del switches["overlay"]
    parts = [program.name, content, json.dumps(switches), toolchain.identity()]
    return f"{program.name}-{sha256(chr(0).join(parts).encode()).hexdigest()[:24]}"


def keep(binary: Binary, made: Path, place: Path) -> Binary:
    """Put a successful build into the cache by one rename."""
    file = made / binary.program
    with file.open("rb") as stream:
        digest = file_digest(stream, "sha256").hexdigest()
    path = place / binary.program
    binary = replace(binary, path=path, bytes=file.stat().st_size, sha256=digest)
    facts = {k: v for k, v in asdict(binary).items() if k not in ("path", "script")}
    (made / "build.json").write_text(json.dumps(facts))
    shutil.rmtree(place, ignore_errors=True)
    made.rename(place)
    return binary


def load(place: Path, program: Program, config: BuildConfig, toolchain: Toolchain) -> Binary | None:
    """Return the build kept in `place`, None where there is none or its file was changed.

    The same content may have been built in another folder: the script is that of this program.
    """
    try:
        facts = json.loads((place / "build.json").read_text())
        path = place / facts["program"]
        with path.open("rb") as stream:
            if file_digest(stream, "sha256").hexdigest() != facts["sha256"]:
                return None
        _, facts["script"] = by_hand(program, config, toolchain)
        return Binary(**facts | {"config": config.name}, path=path)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def has_cgo(config: BuildConfig, toolchain: Toolchain) -> bool:
    """Return whether cgo is on: where the configuration leaves it open, with a C compiler."""
    return config.cgo if config.cgo is not None else toolchain.cc is not None


def go_environment(config: BuildConfig, toolchain: Toolchain) -> dict[str, str]:
    """Return the whole environment of a build."""
    return toolchain.environment(cgo=has_cgo(config, toolchain), static="-static" in config.ldflags)


def language(release: str) -> str:
    """Return what a go.mod calls a release: 1.22.12 is 1.22."""
    return ".".join(release.split(".")[:2])


def go_line(program: Program, release: str) -> str:
    """Return what the go.mod of a bundled program is to name.

    To Go 1.25 comes before 1.25.0 (https://go.dev/ref/mod#go-mod-file-go), and a go.mod must not
    come before those of its modules.
    """
    requires = re.search(r"(?m)^require\b", (program.folder / "go.mod").read_text())
    return f"{language(release)}.0" if requires else language(release)


def copy_for_release(program: Program, release: str, copy: Path) -> Path:
    """Copy a bundled program and let its go.mod name the release that builds it.

    The `go` line decides which old behaviours the runtime keeps (`go help buildconstraint`,
    https://go.dev/doc/godebug): a program of today, built by today's Go, names today's release.
    """
    shutil.copytree(program.folder, copy)
    go_mod, line = copy / "go.mod", go_line(program, release)
    go_mod.write_text(re.sub(r"(?m)^go .*$", f"go {line}", go_mod.read_text()))
    return copy


def by_hand(program: Program, config: BuildConfig, toolchain: Toolchain) -> tuple[str, str]:
    """Return what to type in the program's folder, and the same in full for any folder."""
    prelude = ""
    if program.bundled:
        prelude = f"go mod edit -go={go_line(program, toolchain.release)} && "
    command = shlex.join(["go", "build", *config.arguments(), "-o", program.name, "."])
    short = f"{prelude}GOTOOLCHAIN=local CGO_ENABLED={int(has_cgo(config, toolchain))} {command}"
    folder = shlex.quote(str(program.folder))
    enter = f'copy=$(mktemp -d)/source && cp -r {folder} "$copy" && cd "$copy"'
    environment = go_environment(config, toolchain) | program.variables
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    enter = enter if program.bundled else f"cd {folder}"
    if config.overlay:
        enter = f"{shell_lines(config.overlay, toolchain.goroot)}\n{enter}"
        variables = f'overlay="$overlay" {variables}'
        command = command.replace("-overlay=overlay.json", '-overlay="$overlay"/overlay.json')
    # Unlike the PATH of whoever pastes this, that of the build finds this release's go first.
    commands = f"PATH={shlex.quote(str(toolchain.go.parent))}:$PATH; {prelude}{command}"
    return short, f"{enter}\nenv -i {variables} sh -c {shlex.quote(commands)}"


def refuse_machine_trouble(status: int, log: str, program: Program, cache: Path) -> None:
    """Raise a LabError for a failure that says nothing about the program or its switches."""
    if status and "no space left on device" in log.lower():
        raise LabError(
            f"The disk is full: the build of {program.name} could not be written below {cache}; "
            "make room, or set GOLAB_CACHE to a folder on another disk."
        )
    if status < 0:
        raise LabError(
            f"The build of {program.name} was ended by signal {-status} "
            "(often the memory limit): try again with fewer programs at once."
        )
