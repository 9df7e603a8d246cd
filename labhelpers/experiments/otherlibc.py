"""A build where another C library is at home: the Go linker looks which loader is there.

A file with PT_INTERP names its loader by path, and Go's linker names that of musl where glibc's is
not to be found (cmd/link/internal/ld/elf.go, `LinuxdynldMusl`). To see it, `go build` runs in a
root that holds Go, the build cache, the sources, and an empty file where the one or the other
loader would be: in namespaces of its own for users and mounts (user_namespaces(7),
mount_namespaces(7)), so that the machine is left alone. Go's own tools are static.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labhelpers.build import BuildConfig
from labhelpers.errors import LabError
from labhelpers.experiments.pie import pie_facts
from labhelpers.experiments.reproducible import Made, Workshop
from labhelpers.table import Table

LOADERS = {
    "x86_64": {"glibc": "/lib64/ld-linux-x86-64.so.2", "musl": "/lib/ld-musl-x86_64.so.1"},
    "aarch64": {"glibc": "/lib/ld-linux-aarch64.so.1", "musl": "/lib/ld-musl-aarch64.so.1"},
}
"""Where the C libraries of Debian and of Alpine have their loaders, by machine."""

# Runs in a process of its own, since there is no way back. MS_BIND | MS_REC is 0x5000; the new
# mount namespace gets copies of all mounts, which must not be shared back (MS_PRIVATE | MS_REC).
ENTER = """
import ctypes, json, os, sys
order = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
def call(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
user, group = os.geteuid(), os.getegid()
call(libc.unshare(0x10020000))  # CLONE_NEWUSER | CLONE_NEWNS
for name, text in [("setgroups", "deny"), ("uid_map", f"{user} {user} 1"),
                   ("gid_map", f"{group} {group} 1")]:
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)
call(libc.mount(None, b"/", None, 0x44000, None))
for path in order["bound"]:
    call(libc.mount(path.encode(), (order["root"] + path).encode(), None, 0x5000, None))
os.chroot(order["root"])
os.chdir(order["folder"])
if order["argv"]:
    os.execve(order["argv"][0], order["argv"], order["environment"])
"""


@dataclass(frozen=True)
class LoaderRow:
    """One way to build where one C library is at home: the file's loader and its short hash."""

    libc: str
    flags: str
    loader: str
    hash: str


def compare_libcs(shop: Workshop, ways: Iterable[BuildConfig]) -> Table[LoaderRow]:
    """Build each way where glibc, and where musl is at home.

    Raises:
        LabError: this machine allows no such root, or a build failed.
    """
    rows: Table[LoaderRow] = Table()
    for way in ways:
        for libc, loader in LOADERS[platform.machine()].items():
            made = build_beside(shop, way, loader)
            found = pie_facts("", "", made.path).loader
            rows.append(LoaderRow(libc, way.name, found, made.short))
    return rows


def build_beside(shop: Workshop, way: BuildConfig, loader: str) -> Made:
    """Build in a root in which `loader` is the only file outside of Go's and the program's folders.

    Raises:
        LabError: this machine allows no such root, or the build failed.
    """

    def run(argv: list[str], folder: Path, environment: Mapping[str, str]) -> str:
        variables = dict(environment)
        bound = [variables[name] for name in ("GOROOT", "GOCACHE")] + [str(shop.root), "/dev/null"]
        # Writable places that go looks for, though nothing of them is needed.
        variables |= {"HOME": str(shop.root), "GOPATH": str(shop.root / "gopath")}
        variables["GOMODCACHE"] = variables["GOPATH"] + "/pkg/mod"
        variables["XDG_CONFIG_HOME"] = str(shop.root)
        return _enter([loader], bound, str(folder), argv, variables)

    return shop.build(way, run=run)


@cache
def impossible() -> str | None:
    """Return why no such root can be made here, in a sentence; None where it can."""
    if platform.machine() not in LOADERS:
        return f"The loaders of a {platform.machine()} are not known here."
    try:
        _enter([], ["/dev/null"], "/", [], {})
    except LabError as error:
        return str(error)
    return None


def _enter(
    files: list[str],
    bound: list[str],
    folder: str,
    argv: list[str],
    environment: Mapping[str, str],
) -> str:
    """Run a command in a root of empty `files` and of what is `bound` from this one."""
    with tempfile.TemporaryDirectory(prefix="golab-root-") as root:
        for path in [*files, *bound]:
            target = Path(root + path)
            if Path(path).is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch()
        order = {
            "root": root,
            "bound": bound,
            "folder": folder,
            "argv": argv,
            "environment": dict(environment),
        }
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", ENTER, json.dumps(order)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            timeout=600,
        )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise LabError(
            f"This machine allows no root of another C library, or the build in it failed: "
            f"{last[0]}."
        )
    return done.stdout
