"""Real frameworks, each imported by a main that does nothing: what their inits alone cost.

The modules are pinned, come through the Go module proxy that the user's Go has set, and are vouched
for by its checksum database. Fetching and compiling them takes minutes, so that is done only where
GOLAB_BUILD is set; what was built once is used from then on.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labhelpers.build import build_all
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.worth import SWITCH
from labhelpers.paths import cache_dir
from labhelpers.programs import Program
from labhelpers.toolchain import Toolchain

SECONDS = 1200


@dataclass(frozen=True)
class Framework:
    """A module at a version, and the package of it that people import."""

    name: str
    module: str
    version: str
    package: str


def _at_root(name: str, module: str, version: str) -> Framework:
    return Framework(name, module, version, module)


FRAMEWORKS = (
    Framework("net/http", "", "", "net/http"),
    _at_root("chi", "github.com/go-chi/chi/v5", "v5.5.0"),
    _at_root("gin", "github.com/gin-gonic/gin", "v1.12.0"),
    _at_root("echo", "github.com/labstack/echo/v4", "v4.16.0"),
    _at_root("fiber", "github.com/gofiber/fiber/v3", "v3.1.0"),
    _at_root("cobra", "github.com/spf13/cobra", "v1.10.2"),
    _at_root("gRPC", "google.golang.org/grpc", "v1.85.0"),
    _at_root("GORM", "gorm.io/gorm", "v1.31.2"),
    Framework(
        *("Prometheus", "github.com/prometheus/client_golang", "v1.25.0"),
        "github.com/prometheus/client_golang/prometheus/promhttp",
    ),
    Framework("Kubernetes", "k8s.io/client-go", "v0.37.2", "k8s.io/client-go/kubernetes"),
)
"""The first is the standard library's own, for comparison."""


def impossible(toolchain: Toolchain) -> str | None:
    """Say why the frameworks cannot be measured here, None where they can."""
    if os.environ.get(SWITCH) or all(_folder(f, toolchain).is_dir() for f in FRAMEWORKS):
        return None
    return f"The frameworks are not built here; {SWITCH}=1 fetches and builds them, for minutes."


def framework_files(toolchain: Toolchain) -> dict[str, Path]:
    """Return a program for each framework, fetched and built where it is not in the cache.

    Raises:
        LabError: a module cannot be fetched or built; what Go says is in the message.
    """
    programs = [Program("main", _fetched(framework, toolchain)) for framework in FRAMEWORKS]
    config = find_config("trim")
    files = {}
    built = build_all([(program, config, toolchain) for program in programs])
    for framework, binary in zip(FRAMEWORKS, built, strict=True):
        if binary.path is None:
            raise LabError(f"{framework.name} was not built: {binary.error}.")
        files[framework.name] = binary.path
    return files


def _folder(framework: Framework, toolchain: Toolchain) -> Path:
    name = f"{framework.name.replace('/', '-')}-{framework.version or toolchain.release}"
    return cache_dir("frameworks") / f"{name}-go{toolchain.release}"


def _fetched(framework: Framework, toolchain: Toolchain) -> Path:
    """Return the folder of a main package that imports the framework, with its go.sum."""
    folder = _folder(framework, toolchain)
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="tmp-") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        (made / "go.mod").write_text(f"module golab/framework\n\ngo {toolchain.release}\n")
        (made / "main.go").write_text(
            f'package main\n\nimport _ "{framework.package}"\n\nfunc main() {{}}\n'
        )
        if framework.module:
            _go(made, toolchain, "get", f"{framework.package}@{framework.version}")
        made.rename(folder)
    return folder


def _go(folder: Path, toolchain: Toolchain, *words: str) -> None:
    try:
        done = subprocess.run(
            [toolchain.go, *words],
            cwd=folder,
            env=toolchain.environment(cgo=False),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"go {words[0]} did not run to its end ({error}).") from error
    if done.returncode:
        raise LabError(
            f"go {' '.join(words)} failed: {' '.join(done.stderr.split())[-300:]}; is the module "
            "proxy reachable?"
        )
