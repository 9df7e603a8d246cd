import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import names, open_files

from labhelpers.build import BuildConfig, build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments import emptyroot
from labhelpers.experiments.emptyroot import loader_and_libraries, run_in_empty_root
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain


@pytest.fixture(autouse=True)
def _allowed() -> None:
    if reason := emptyroot.impossible():
        pytest.skip(reason)


def program(name: str, config: str, go: Toolchain) -> Path:
    binary = build(find_program(name), find_config(config), go)
    assert binary.path, binary.log
    return binary.path


def test_a_static_go_program_runs_alone(current_go: Toolchain) -> None:
    run = run_in_empty_root(program("hello", "default", current_go))
    assert (run.output, run.outcome, run.ok) == ("hello\n", "exit 0", True)
    assert run.files == ("/hello",)


@pytest.mark.parametrize("method", ["user namespace", "chroot"])
def test_both_ways_make_the_same_root(method: emptyroot.Method, current_go: Toolchain) -> None:
    try:
        run = run_in_empty_root(program("hello", "default", current_go), method=method)
    except LabError as error:
        pytest.skip(str(error))
    assert (run.method, run.output) == (method, "hello\n")


def test_a_pie_misses_its_loader_and_no_library(current_go: Toolchain) -> None:
    file = program("hello", "pie", current_go)
    refused = run_in_empty_root(file)
    assert (refused.refused, refused.started, refused.exit_status) == ("ENOENT", False, None)
    needed = loader_and_libraries(file)
    assert len(needed) == 1
    assert run_in_empty_root(file, files=needed).output == "hello\n"


def test_a_dynamic_program_starts_once_loader_and_libraries_are_there(
    current_go: Toolchain,
) -> None:
    if not current_go.cc:
        pytest.skip("no C compiler")
    file = program("hello", "external", current_go)
    needed = loader_and_libraries(file)
    assert any("libc.so" in name for name in needed)
    assert run_in_empty_root(file).outcome == "execve: ENOENT"
    loader = {name: path for name, path in needed.items() if "libc.so" not in name}
    half = run_in_empty_root(file, files=loader)
    assert half.started
    assert half.exit_status == 127
    assert "libc.so.6" in half.errors
    assert run_in_empty_root(file, files=needed).ok


def test_a_static_program_needs_nothing(current_go: Toolchain) -> None:
    assert loader_and_libraries(program("hello", "default", current_go)) == {}


def test_the_program_sees_its_files_its_arguments_and_its_environment_only(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "go.mod").write_text("module look\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text(
        'package main\n\nimport (\n\t"fmt"\n\t"os"\n\t"path/filepath"\n)\n\nfunc main() {\n'
        '\tfilepath.Walk("/", func(p string, i os.FileInfo, e error) error '
        "{ fmt.Println(p); return nil })\n"
        '\tdata, _ := os.ReadFile("/etc/word")\n'
        "\tfmt.Println(string(data), os.Args[1:], os.Environ(), os.Getuid())\n\tos.Exit(3)\n}\n"
    )
    binary = build(find_program(tmp_path), BuildConfig(cgo=False), current_go)
    assert binary.path, binary.log
    monkeypatch.setenv("SECRET", "1")
    run = run_in_empty_root(
        binary.path, "a b", files={"/etc/word": b"here"}, environment={"X": "1"}
    )
    own = f"/{binary.path.name}"
    seen = ["/", "/etc", "/etc/word", own] if own > "/etc" else ["/", own, "/etc", "/etc/word"]
    assert run.output.splitlines() == [*seen, f"here [a b] [X=1] {os.getuid()}"]
    assert run.outcome == "exit 3"
    assert not run.ok


def test_a_program_that_does_not_end_is_killed(current_go: Toolchain, tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module wait\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text(
        'package main\n\nimport "time"\n\nfunc main() { time.Sleep(time.Hour) }\n'
    )
    binary = build(find_program(tmp_path), BuildConfig(cgo=False), current_go)
    assert binary.path, binary.log
    with pytest.raises(LabError, match="did not end in its empty root"):
        run_in_empty_root(binary.path, timeout=0.5)


def test_a_signal_is_named(current_go: Toolchain, tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module die\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text(
        'package main\n\nimport "syscall"\n\n'
        "func main() { syscall.Kill(syscall.Getpid(), syscall.SIGKILL); select {} }\n"
    )
    binary = build(find_program(tmp_path), BuildConfig(cgo=False), current_go)
    assert binary.path, binary.log
    assert run_in_empty_root(binary.path).outcome == "signal SIGKILL"


def test_a_file_that_is_no_program_is_refused_by_the_kernel(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("no program\n")
    assert run_in_empty_root(file).outcome == "execve: ENOEXEC"


def test_nothing_is_left_behind(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = program("hello", "default", current_go)
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path))  # other tests may be at work in the usual one
    run_in_empty_root(file)
    before = open_files()
    run_in_empty_root(file)
    assert open_files() == before
    assert names(cache_dir("roots")) == []


@pytest.mark.parametrize("name", ["etc/word", "/../word"])
def test_a_path_that_leads_out_of_the_root_is_refused(name: str, current_go: Toolchain) -> None:
    with pytest.raises(LabError, match="no absolute path in the new root"):
        run_in_empty_root(program("hello", "default", current_go), files={name: b""})


def test_a_file_that_is_not_there_gives_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be copied into a new root"):
        run_in_empty_root(tmp_path / "nothing")


def test_roots_grow_until_the_program_has_what_it_needs(current_go: Toolchain) -> None:
    (alone,) = emptyroot.in_growing_roots(program("hello", "default", current_go), "hello")
    assert (alone.file, alone.root, alone.files, alone.runs) == ("hello", emptyroot.EMPTY, 0, True)
    rows = emptyroot.in_growing_roots(program("hello", "pie", current_go), "pie")
    assert [(row.root, row.outcome, row.runs) for row in rows] == [
        (emptyroot.EMPTY, "execve: ENOENT", False),
        (emptyroot.WITH_LOADER, "exit 0", True),
    ]


def test_a_failure_leaves_its_last_words(current_go: Toolchain) -> None:
    netuser = program("netuser", "trim", current_go)
    (row,) = emptyroot.in_growing_roots(netuser, "netuser")
    assert (row.outcome, row.runs) == ("exit 1", False)
    assert "$HOME" in row.says
    (row,) = emptyroot.in_growing_roots(netuser, "netuser", {"USER": "x", "HOME": "/"})
    assert row.runs


def test_where_nobody_may_change_the_root_it_is_said(tmp_path: Path) -> None:
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("no unshare or setpriv to take the rights away with")
    forbid = (
        "echo 0 > /proc/sys/user/max_user_namespaces && "
        'exec setpriv --bounding-set=-all --inh-caps=-all "$0" -c "$1"'
    )
    ask = "from labhelpers.experiments import emptyroot; print(emptyroot.impossible())"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", forbid, sys.executable, ask],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOLAB_CACHE": str(tmp_path)},
    )
    if done.returncode:
        pytest.skip(f"the rights cannot be taken away here: {done.stderr.strip()}")
    assert done.stdout.startswith("This machine lets nobody make an empty root (user namespace: ")
    assert "chroot: chroot, Operation not permitted" in done.stdout
