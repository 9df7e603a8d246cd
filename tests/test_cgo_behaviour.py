"""Whether programs without C behave as labhelpers/cgo/standard.py says: real ones, side by side.

The system's files are changed for one process only, by bind mounts in a namespace of its own.
"""

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from labhelpers.build import BuildConfig, build
from labhelpers.cgo.imports import dependencies
from labhelpers.cgo.standard import STANDARD
from labhelpers.configs import find_config
from labhelpers.programs import Program
from labhelpers.toolchain import Toolchain

HOST = """package main

import (
	"net"
	"os"
)

func main() { net.LookupHost(os.Args[1]) }
"""
USER = """package main

import (
	"fmt"
	"os"
	"os/user"
)

func main() {
	find := user.Current
	if len(os.Args) > 1 {
		find = func() (*user.User, error) { return user.Lookup(os.Args[1]) }
	}
	me, err := find()
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println(me.Uid, me.Username)
}
"""
PLUGIN = """package main

import (
	"fmt"
	"plugin"
)

func main() {
	_, err := plugin.Open("none.so")
	fmt.Println(err)
}
"""
WITH, WITHOUT = "default", "trim"
NSS_SYSTEMD = [
    Path(folder) / "libnss_systemd.so.2"
    for folder in ("/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
]


def program(folder: Path, text: str) -> Program:
    own = folder / "ask"  # apart from what a test writes beside it, so that it is built once
    own.mkdir()
    (own / "go.mod").write_text("module example.org/ask\n\ngo 1.21\n")
    (own / "main.go").write_text(text)
    return Program("ask", own)


def built(own: Program, config: BuildConfig, go: Toolchain) -> Path:
    binary = build(own, config, go)
    assert binary.path, binary.log
    return binary.path


def both(folder: Path, text: str, go: Toolchain) -> dict[str, Path]:
    """Build a program as it comes and with CGO_ENABLED=0."""
    if not go.cc:
        pytest.skip("there is no C compiler, and so no program with C")
    own = program(folder, text)
    return {name: built(own, find_config(name), go) for name in (WITH, WITHOUT)}


@cache
def mounts() -> str | None:
    """Say why files of the system cannot be replaced for one process; None where they can."""
    script = "mount --bind /etc/hosts /etc/hosts"
    return _refused(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script])


@cache
def other_users() -> str | None:
    return _refused(["unshare", "--user", "--map-user=54321", "--map-group=54321", "true"])


def _refused(argv: list[str]) -> str | None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "there is no unshare"
    return done.stderr.strip() or "refused" if done.returncode else None


def run(
    path: Path,
    *words: str,
    variables: Mapping[str, str] | None = None,
    files: Mapping[str, Path] | None = None,
) -> tuple[str, str]:
    """Run a program with files in place of the system's; return what it wrote to either stream."""
    argv = [str(path), *words]
    if files:
        lines = [f"mount --bind {own} {name}" for name, own in files.items()]
        script = " && ".join([*lines, 'exec "$@"'])
        argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *argv]
    environment = {"PATH": os.environ["PATH"], **(variables or {})}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30)
    return done.stdout, done.stderr


def order(path: Path, host: str, variables: dict[str, str], files: dict[str, Path]) -> str:
    """Return how net says that it looks up a host: "cgo", or Go's resolver by its sources."""
    _, said = run(path, host, variables={"GODEBUG": "netdns=2", **variables}, files=files)
    line = next(line for line in said.splitlines() if f"hostLookupOrder({host})" in line)
    return line.rpartition(" = ")[2]


@pytest.mark.parametrize(
    "variables",
    [{"LOCALDOMAIN": ""}, {"RES_OPTIONS": "ndots:2"}, {"HOSTALIASES": "/nowhere"}],
    ids=lambda variables: next(iter(variables)),
)
def test_variables_of_the_c_resolver_count_only_with_c(
    variables: dict[str, str], current_go: Toolchain, tmp_path: Path
) -> None:
    paths = both(tmp_path, HOST, current_go)
    assert order(paths[WITH], "localhost", variables, {}) == "cgo"
    assert order(paths[WITHOUT], "localhost", variables, {}) != "cgo"


@pytest.mark.parametrize(
    ("nsswitch", "resolv", "host", "with_c"),
    [
        ("hosts: files dns", "", "localhost", "files,dns"),
        ("hosts: dns files", "", "localhost", "dns,files"),
        ("hosts: files ldap dns", "", "localhost", "cgo"),
        ("hosts: files nis dns", "", "localhost", "cgo"),
        ("hosts: files resolve dns", "", "localhost", "cgo"),
        ("hosts: files mdns4_minimal dns", "", "printer.local", "cgo"),
        ("hosts: files dns", "options frobnicate", "localhost", "cgo"),
    ],
)
def test_go_asks_c_only_for_what_it_cannot_do_itself(
    nsswitch: str, resolv: str, host: str, with_c: str, current_go: Toolchain, tmp_path: Path
) -> None:
    if why := mounts():
        pytest.skip(why)
    files = {"/etc/nsswitch.conf": tmp_path / "nsswitch", "/etc/resolv.conf": tmp_path / "resolv"}
    for name, text in (("nsswitch", nsswitch), ("resolv", f"nameserver 127.0.0.1\n{resolv}")):
        (tmp_path / name).write_text(f"{text}\n")
    files = {name: own for name, own in files.items() if Path(name).is_file()}
    if len(files) < 2:
        pytest.skip("this machine has no nsswitch.conf or no resolv.conf to replace")
    paths = both(tmp_path, HOST, current_go)
    assert order(paths[WITH], host, {}, files) == with_c
    without = with_c if with_c != "cgo" else "files,dns"
    assert order(paths[WITHOUT], host, {}, files) == without


def test_the_tag_netgo_does_what_cgo_off_does_to_names(
    current_go: Toolchain, tmp_path: Path
) -> None:
    path = built(program(tmp_path, HOST), BuildConfig("netgo", tags=("netgo",)), current_go)
    assert order(path, "localhost", {"LOCALDOMAIN": ""}, {}) != "cgo"


def test_only_c_asks_other_sources_for_a_user(current_go: Toolchain, tmp_path: Path) -> None:
    if why := mounts():
        pytest.skip(why)
    if not any(path.is_file() for path in NSS_SYSTEMD):
        pytest.skip("libnss-systemd is not there, which knows a user without /etc/passwd")
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (tmp_path / "nsswitch").write_text("passwd: files systemd\n")
    files = {"/etc/passwd": tmp_path / "passwd", "/etc/nsswitch.conf": tmp_path / "nsswitch"}
    paths = both(tmp_path, USER, current_go)
    assert run(paths[WITH], "nobody", files=files)[0] == "65534 nobody\n"
    assert run(paths[WITHOUT], "nobody", files=files)[0] == "error: user: unknown user nobody\n"


def test_ones_own_user_without_an_entry(current_go: Toolchain, tmp_path: Path) -> None:
    if why := other_users():
        pytest.skip(why)
    paths = both(tmp_path, USER, current_go)
    variables = {"USER": "somebody", "HOME": "/", "PATH": os.environ["PATH"]}

    def current(name: str) -> str:
        argv = ["unshare", "--user", "--map-user=54321", "--map-group=54321", str(paths[name])]
        done = subprocess.run(argv, env=variables, capture_output=True, text=True, check=True)
        return done.stdout

    assert current(WITH) == "error: user: unknown userid 54321\n"
    assert current(WITHOUT) == "54321 somebody\n"


def test_plugins_are_refused_without_c(current_go: Toolchain, tmp_path: Path) -> None:
    path = built(program(tmp_path, PLUGIN), find_config(WITHOUT), current_go)
    said, _ = run(path)
    assert said == "plugin: not implemented\n"
    assert "“plugin: not implemented”" in STANDARD["plugin"].differs[0]


def test_c_of_the_standard_library_takes_a_c_compiler(
    current_go: Toolchain, tmp_path: Path
) -> None:
    own = program(tmp_path, HOST)
    nothing = str(tmp_path / "no-compiler")
    environment = current_go.environment(cgo=True) | {"CC": nothing}
    done = subprocess.run(
        [str(current_go.go), "build", "-o", str(tmp_path / "made"), "."],
        cwd=own.folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert nothing in done.stderr


def test_the_facts_are_those_of_the_standard_library(current_go: Toolchain) -> None:
    """No package that programs can import and that holds C is left out, on this system."""
    form = "{{if .CgoFiles}}{{.ImportPath}}{{end}}"
    done = subprocess.run(
        [str(current_go.go), "list", "-f", form, "std"],
        env=current_go.environment(cgo=True),
        capture_output=True,
        text=True,
        check=True,
    )
    found = {name for name in done.stdout.split() if "internal" not in name}
    assert found == set(STANDARD)


def test_purego_takes_assembly_out_of_the_standard_library(
    current_go: Toolchain, tmp_path: Path
) -> None:
    own = program(tmp_path, 'package main\n\nimport _ "crypto/sha256"\n\nfunc main() {}\n')
    plain, pure = (dependencies(own, current_go, tags=tags) for tags in ((), ("purego",)))
    package = "crypto/internal/fips140/sha256"
    assert plain[package].assembly
    assert not pure[package].assembly


def test_a_stub_says_at_run_time_what_the_report_quotes(current_go: Toolchain) -> None:
    from labhelpers.cgo.report import cgo_report
    from labhelpers.modules import modules_missing
    from labhelpers.programs import find_program

    sqlite = find_program("sqlite-cgo")
    if why := modules_missing(sqlite, current_go):
        pytest.skip(why)
    report = cgo_report(sqlite, current_go, try_builds=False)
    switch = report.switch("CGO_ENABLED=0")
    assert switch
    quoted = switch.differs[0].partition("“")[2].partition("”")[0]
    assert len(quoted) > 20
    done = subprocess.run(
        [str(built(sqlite, find_config(WITHOUT), current_go))], capture_output=True, text=True
    )
    assert done.returncode
    assert quoted in done.stdout + done.stderr
