import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from filelock import FileLock
from helpers import gone

from labhelpers import build as build_module
from labhelpers.build import (
    Binary,
    BuildConfig,
    RunningBuilds,
    build,
    build_all,
    key,
    refuse_machine_trouble,
    to_frame,
)
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain

MAIN = 'package main\n\nfunc main() { println("%s") }\n'
DEFAULT = find_config("default")


@pytest.fixture
def package(own_cache: Path, tmp_path: Path) -> Path:
    """Return the folder of a small program of the user's own; its builds have their own cache."""
    folder = tmp_path / "my tool"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.org/tool\n\ngo 1.21\n")
    (folder / "main.go").write_text(MAIN % "first")
    return folder


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache of golab's builds; Go's own cache stays the user's, to save time."""
    from labhelpers.paths import cache_dir

    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "go").symlink_to(cache_dir("go"))
    monkeypatch.setenv("GOLAB_CACHE", str(cache))
    return cache


@pytest.fixture
def with_cc(current_go: Toolchain) -> Toolchain:
    if current_go.cc is None:
        pytest.skip("no C compiler")
    return current_go


def bundled(name: str, config: str, go: Toolchain) -> Binary:
    return build(find_program(name), find_config(config), go)


def file_of(binary: Binary) -> Path:
    assert binary.path, binary.log
    return binary.path


def out_of_order(go: Toolchain) -> Toolchain:
    """Return a toolchain that is the same by name and cannot build anything."""
    return replace(go, goroot=Path("/nowhere"))


def left_over(cache: Path) -> list[Path]:
    """Return what builds that were ended left behind."""
    return list((cache / "builds").glob("tmp-*"))


# What comes back


def test_a_binary_is_what_its_fields_say(current_go: Toolchain) -> None:
    binary = bundled("hello", "default", current_go)
    file = file_of(binary)
    assert binary.error is None
    assert (binary.program, binary.config, binary.go) == ("hello", "default", current_go.release)
    assert binary.bytes == file.stat().st_size
    assert binary.sha256 == sha256(file.read_bytes()).hexdigest()
    assert binary.seconds > 0
    assert binary.command.startswith("go mod edit -go=")
    out = subprocess.run([file], capture_output=True, text=True, check=True)
    assert out.stdout == "hello\n"


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("hello", "default"),
        ("hello", "strip"),
        ("cgocall", "default"),
        ("cgocall", "strip+external+trim-tags"),
        ("hello", "pie"),
    ],
)
def test_the_script_gives_the_same_file(
    with_cc: Toolchain, tmp_path: Path, name: str, config: str
) -> None:
    binary = bundled(name, config, with_cc)
    # The script builds in a copy that mktemp makes: let it do so where the test can look.
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
    subprocess.run(["sh", "-c", binary.script], env=environment, cwd="/", check=True)
    (made,) = tmp_path.glob(f"tmp.*/source/{name}")
    assert sha256(made.read_bytes()).hexdigest() == binary.sha256


def test_the_script_of_a_users_package_gives_the_same_file(
    current_go: Toolchain, package: Path
) -> None:
    binary = build(find_program(package), find_config("strip"), current_go)
    subprocess.run(["sh", "-c", binary.script], cwd="/", check=True)
    made = package / "my tool"
    assert sha256(made.read_bytes()).hexdigest() == binary.sha256


def test_the_command_is_what_one_would_type(current_go: Toolchain, package: Path) -> None:
    binary = build(find_program(package), find_config("strip+trim"), current_go)
    assert binary.command == (
        "GOTOOLCHAIN=local CGO_ENABLED=0 go build -buildvcs=false -trimpath "
        "'-ldflags=-s -w' -o 'my tool' ."
    )


def test_results_have_rows_without_paths_of_this_machine(current_go: Toolchain) -> None:
    binary = bundled("hello", "default", current_go)
    row = binary.as_dict()
    assert {"program", "config", "go", "bytes", "command", "error"} <= row.keys()
    assert str(file_of(binary).parent) not in json.dumps(row)
    assert list(to_frame([binary])["config"]) == ["default"]


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        ("strip", {"CGO_ENABLED=1", "-ldflags=-s -w", "-trimpath=true"}),
        ("trim", {"CGO_ENABLED=0", "-trimpath=true"}),
        ("trim-tags", {"CGO_ENABLED=1", "-tags=netgo,osusergo,purego"}),
        ("external", {"CGO_ENABLED=1", "-ldflags=-linkmode=external"}),
        ("pie", {"-buildmode=pie"}),
    ],
)
def test_go_itself_sees_the_switches(with_cc: Toolchain, config: str, settings: set[str]) -> None:
    binary = bundled("netuser", config, with_cc)
    told = subprocess.run(
        [with_cc.go, "version", "-m", file_of(binary)],
        env=with_cc.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f": go{with_cc.release}" in told.splitlines()[0]
    found = {
        line.split("\t", 2)[2].replace('"', "")
        for line in told.splitlines()
        if line.startswith("\tbuild\t")
    }
    # With -trimpath Go leaves -ldflags out, since they may hold paths.
    wanted = {own for own in settings if not own.startswith("-ldflags")}
    assert wanted <= found


def parts(binary: Binary) -> tuple[set[str], set[str]]:
    """Return the names of a file's sections and the types of its segments."""
    with file_of(binary).open("rb") as stream:
        own = ELFFile(stream)
        sections = {section.name for section in own.iter_sections()}
        return sections, {segment["p_type"] for segment in own.iter_segments()}


def test_strip_takes_the_symbols_and_bytes(current_go: Toolchain) -> None:
    whole = bundled("hello", "default", current_go)
    stripped = bundled("hello", "strip", current_go)
    assert ".symtab" in parts(whole)[0]
    assert ".symtab" not in parts(stripped)[0]
    assert (stripped.bytes or 0) < (whole.bytes or 0)


def test_external_linking_makes_it_dynamic_and_static_undoes_that(with_cc: Toolchain) -> None:
    assert "PT_INTERP" not in parts(bundled("hello", "default", with_cc))[1]
    assert "PT_INTERP" in parts(bundled("hello", "external", with_cc))[1]
    assert "PT_INTERP" not in parts(bundled("hello", "static", with_cc))[1]


def test_trimming_cgo_takes_the_interpreter_away(with_cc: Toolchain) -> None:
    assert "PT_INTERP" in parts(bundled("netuser", "default", with_cc))[1]
    for config in ("trim", "trim-tags"):
        assert "PT_INTERP" not in parts(bundled("netuser", config, with_cc))[1]


def test_pie_is_position_independent(current_go: Toolchain) -> None:
    types = {}
    for config in ("default", "pie"):
        with file_of(bundled("hello", config, current_go)).open("rb") as stream:
            types[config] = ELFFile(stream).header["e_type"]
    assert types == {"default": "ET_EXEC", "pie": "ET_DYN"}


def test_the_bundled_programs_follow_the_release(current_go: Toolchain) -> None:
    told = subprocess.run(
        [current_go.go, "version", "-m", file_of(bundled("hello", "default", current_go))],
        env=current_go.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "DefaultGODEBUG" not in told


# The cache


def test_a_cached_answer_is_the_same_and_runs_no_go(current_go: Toolchain) -> None:
    first = bundled("hello", "strip", current_go)
    again = bundled("hello", "strip", out_of_order(current_go))
    assert replace(again, script=first.script) == first


def test_a_cached_answer_bears_the_name_it_was_asked_by(current_go: Toolchain) -> None:
    bundled("hello", "strip", current_go)
    other = replace(find_config("strip"), name="mine")
    again = build(find_program("hello"), other, out_of_order(current_go))
    assert again.config == "mine"


def test_the_key_holds_all_that_decides(current_go: Toolchain) -> None:
    hello = find_program("hello")
    changed = [
        (find_program("empty"), DEFAULT, current_go),
        (hello, find_config("strip"), current_go),
        (hello, replace(DEFAULT, gcflags="-l"), current_go),
        (hello, replace(DEFAULT, trimpath=False), current_go),
        (hello, replace(DEFAULT, cgo=True), current_go),
        (hello, replace(DEFAULT, tags=("a",)), current_go),
        (hello, replace(DEFAULT, buildmode="pie"), current_go),
        (hello, DEFAULT, replace(current_go, release="1.22.1")),
        (hello, DEFAULT, replace(current_go, cc=None)),
    ]
    keys = {
        key(program, content, config, go)
        for program, config, go in [(hello, DEFAULT, current_go), *changed]
        for content in ("one content", "another")
    }
    assert len(keys) == 2 * (len(changed) + 1)


def test_changed_source_is_built_anew(current_go: Toolchain, package: Path) -> None:
    first = build(find_program(package), DEFAULT, current_go)
    (package / "main.go").write_text(MAIN % "other")
    second = build(find_program(package), DEFAULT, current_go)
    assert first.sha256 != second.sha256
    out = subprocess.run([file_of(second)], capture_output=True, text=True, check=True)
    assert out.stderr == "other\n"
    (package / "main.go").write_text(MAIN % "first")
    again = build(find_program(package), DEFAULT, out_of_order(current_go))
    assert again.sha256 == first.sha256


def test_a_program_that_was_found_before_its_change_is_built_anew(
    current_go: Toolchain, package: Path
) -> None:
    program = find_program(package)
    first = build(program, DEFAULT, current_go)
    (package / "main.go").write_text(MAIN % "other")
    assert build(program, DEFAULT, current_go).sha256 != first.sha256


def test_the_script_is_that_of_the_folder_at_hand(
    current_go: Toolchain, package: Path, tmp_path: Path
) -> None:
    build(find_program(package), DEFAULT, current_go)
    moved = tmp_path / "elsewhere" / package.name
    moved.parent.mkdir()
    package.rename(moved)
    again = build(find_program(moved), DEFAULT, current_go)
    subprocess.run(["sh", "-c", again.script], cwd="/", check=True)
    assert (moved / package.name).is_file()


def test_a_change_in_a_replaced_module_is_built_anew(
    current_go: Toolchain, package: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "go.mod").write_text("module example.org/library\n\ngo 1.21\n")
    go_mod = package / "go.mod"
    go_mod.write_text(
        f"{go_mod.read_text()}\nrequire example.org/library v0.0.0\n"
        "replace example.org/library => ../library\n"
    )
    (package / "main.go").write_text(
        'package main\n\nimport "example.org/library"\n\nfunc main() { println(library.Word) }\n'
    )
    said = []
    for word in ("one", "two"):
        (library / "library.go").write_text(f'package library\n\nconst Word = "{word}"\n')
        binary = build(find_program(package), DEFAULT, current_go)
        out = subprocess.run([file_of(binary)], capture_output=True, text=True, check=True)
        said.append(out.stderr)
    assert said == ["one\n", "two\n"]


@pytest.mark.parametrize("damage", ["cut", "flip", "delete", "facts"])
def test_a_damaged_cached_build_is_made_anew(
    current_go: Toolchain, own_cache: Path, package: Path, damage: str
) -> None:
    first = build(find_program(package), DEFAULT, current_go)
    file = file_of(first)
    whole = file.read_bytes()
    if damage == "cut":
        file.write_bytes(whole[:1000])
    elif damage == "flip":
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif damage == "delete":
        file.unlink()
    else:
        (file.parent / "build.json").write_text("[]")
    again = build(find_program(package), DEFAULT, current_go)
    assert again.sha256 == first.sha256
    assert file_of(again).read_bytes() == whole
    assert not left_over(own_cache)


def test_the_same_source_in_two_folders_gives_the_same_bytes(
    current_go: Toolchain, own_cache: Path, tmp_path: Path
) -> None:
    made = []
    for place in ("here", "in some other, much longer place"):
        folder = tmp_path / place / "tool"
        folder.mkdir(parents=True)
        (folder / "go.mod").write_text("module example.org/tool\n\ngo 1.21\n")
        (folder / "main.go").write_text('package main\n\nfunc main() { panic("x") }\n')
        program = find_program(folder)
        # Both have the same key; without the first in the cache the second is built for real.
        binary = build(program, DEFAULT, current_go)
        made.append(binary.sha256)
        file_of(binary).unlink()
    assert made[0] == made[1]


# Builds that do not succeed


def test_external_and_no_cgo_is_a_result(with_cc: Toolchain) -> None:
    binary = bundled("hello", "external+trim", with_cc)
    assert (binary.path, binary.bytes, binary.sha256) == (None, None, None)
    assert binary.exit_status != 0
    assert binary.error
    assert "external" in binary.error
    assert "cgo" in binary.error
    assert "CGO_ENABLED=0" in binary.command
    assert "/" not in binary.error.split(":")[0]
    assert binary.as_dict()["error"] == binary.error


def test_code_that_does_not_compile_is_a_result(current_go: Toolchain, package: Path) -> None:
    (package / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    binary = build(find_program(package), DEFAULT, current_go)
    assert binary.error == "./main.go:3:15: undefined: undefined"
    assert str(package) not in binary.log


def test_what_is_no_main_package_is_a_result_with_its_reason(
    current_go: Toolchain, package: Path
) -> None:
    (package / "main.go").write_text("package library\n\nconst A = 1\n")
    binary = build(find_program(package), DEFAULT, current_go)
    assert binary.path is None
    assert binary.error
    assert "main package" in binary.error


def test_a_module_that_is_not_there_is_a_result(current_go: Toolchain, package: Path) -> None:
    (package / "main.go").write_text(
        'package main\n\nimport _ "example.org/missing"\n\nfunc main() {}\n'
    )
    binary = build(find_program(package), DEFAULT, current_go)
    assert binary.error
    assert "example.org/missing" in binary.error


def test_a_failure_is_not_kept(current_go: Toolchain, package: Path) -> None:
    (package / "main.go").write_text("package main\n")
    program = find_program(package)
    assert build(program, DEFAULT, current_go).error
    # The very same key: a failure may have been the network's, and is tried again.
    with pytest.raises(LabError, match="could not be run"):
        build(program, DEFAULT, out_of_order(current_go))


def test_a_cache_below_a_file_is_one_sentence(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(LabError, match=r"cannot be written to .*set GOLAB_CACHE"):
        bundled("hello", "default", current_go)


def test_a_cache_that_refuses_to_be_written_is_one_sentence(
    current_go: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLAB_CACHE", "/proc/golab")
    with pytest.raises(LabError, match="cannot be written to"):
        bundled("hello", "default", current_go)


@pytest.mark.parametrize("size", ["64k", "1500k"])
def test_a_full_disk_is_one_sentence(
    current_go: Toolchain, own_cache: Path, tmp_path: Path, size: str
) -> None:
    disk = own_cache / "builds"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("a small disk needs the right to mount one")
    try:
        with pytest.raises(LabError) as caught:
            bundled("hello", "default", current_go)
        assert "GOLAB_CACHE" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not left_over(own_cache)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_known_by_the_systems_own_words(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        log = subprocess.run(["echo", "x"], stdout=full, stderr=subprocess.PIPE, text=True)
    program = Program("hello", tmp_path)
    with pytest.raises(LabError, match="disk is full"):
        refuse_machine_trouble(1, f"link: {log.stderr}", program, tmp_path)
    refuse_machine_trouble(1, "./main.go:3:15: undefined: x", program, tmp_path)
    refuse_machine_trouble(0, "", program, tmp_path)


def test_a_build_that_was_killed_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="signal 9"):
        refuse_machine_trouble(-9, "", Program("hello", tmp_path), tmp_path)


def test_a_go_that_is_gone_is_one_sentence(current_go: Toolchain, own_cache: Path) -> None:
    with pytest.raises(LabError) as caught:
        bundled("hello", "default", out_of_order(current_go))
    assert "/nowhere/bin/go" in str(caught.value)
    assert not left_over(own_cache)


# Many at once


class SlowGo:
    """A toolchain folder whose `go` notes when it runs, and takes its time."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.marks = folder / "marks"
        self.marks.mkdir(parents=True)
        go = folder / "bin" / "go"
        go.parent.mkdir()
        go.write_text(
            f"#!/bin/sh\nmark='{self.marks}'/$$\ntouch \"$mark\"\n"
            f"ls '{self.marks}' | wc -l >> '{folder}/at-once'\nmkdir -p \"$TMPDIR/go-build$$\"\n"
            f"sleep {seconds} & echo $! >> '{folder}/pids'\nwait\n"
            'while [ "$1" != -o ]; do shift; done\n'
            'echo made > "$2"; chmod +x "$2"; rm "$mark"\n'
        )
        go.chmod(0o755)
        self.folder = folder

    def at_once(self) -> list[int]:
        return [int(word) for word in (self.folder / "at-once").read_text().split()]

    def pids(self) -> list[int]:
        file = self.folder / "pids"
        return [int(word) for word in file.read_text().split()] if file.exists() else []


def jobs(go: Toolchain, many: int) -> list[tuple[Program, BuildConfig, Toolchain]]:
    return [(find_program("hello"), BuildConfig(tags=(f"t{n}",)), go) for n in range(many)]


@pytest.mark.parametrize("cores", [1, 3])
def test_no_more_builds_at_once_than_cores(
    current_go: Toolchain,
    own_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
) -> None:
    slow = SlowGo(tmp_path / "goroot", 0.1)
    monkeypatch.setattr(build_module, "usable_cores", lambda: cores)
    told: list[Binary] = []
    made = build_all(jobs(replace(current_go, goroot=slow.folder), 7), told.append)
    assert [binary.exit_status for binary in made] == [0] * 7
    assert len(told) == 7
    assert max(slow.at_once()) <= cores
    assert not left_over(own_cache)


def test_results_come_in_the_order_of_the_jobs(current_go: Toolchain) -> None:
    names = ["strip", "default", "pie", "trim"]
    made = build_all([(find_program("hello"), find_config(n), current_go) for n in names])
    assert [binary.config for binary in made] == names


def test_the_same_build_twice_at_once_is_made_once(
    current_go: Toolchain, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowGo(tmp_path / "goroot", 0.1)
    monkeypatch.setattr(build_module, "usable_cores", lambda: 4)
    made = build_all(jobs(replace(current_go, goroot=slow.folder), 1) * 4)
    assert len(set(made)) == 1
    assert len(slow.at_once()) == 1


def test_an_exception_ends_all_builds_and_leaves_nothing(
    current_go: Toolchain, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowGo(tmp_path / "goroot", 600)
    monkeypatch.setattr(build_module, "usable_cores", lambda: 3)
    broken = (find_program("hello"), DEFAULT, out_of_order(current_go))
    with pytest.raises(LabError, match="/nowhere/bin/go"):
        build_all([broken, *jobs(replace(current_go, goroot=slow.folder), 5)])
    assert all(gone(pid) for pid in slow.pids())
    assert not left_over(own_cache)


CTRL_C = """
import sys
from dataclasses import replace
from pathlib import Path
from labhelpers import build
from labhelpers.programs import find_program
from labhelpers.toolchain import toolchain

build.usable_cores = lambda: 2
go = replace(toolchain(), goroot=Path(sys.argv[1]))
hello = find_program("hello")
try:
    build.build_all([(hello, build.BuildConfig(tags=(f"t{n}",)), go) for n in range(5)])
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_ends_all_builds_and_leaves_nothing(own_cache: Path, tmp_path: Path) -> None:
    slow = SlowGo(tmp_path / "goroot", 600)
    process = subprocess.Popen([sys.executable, "-c", CTRL_C, str(slow.folder)])
    for _ in range(1000):
        if len(slow.pids()) == 2:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert len(slow.pids()) == 2
    assert all(gone(pid) for pid in slow.pids())
    assert not left_over(own_cache)
    assert not [entry for entry in (own_cache / "builds").iterdir() if entry.suffix != ".lock"]


def test_ctrl_c_ends_the_wait_for_another_process(own_cache: Path, tmp_path: Path) -> None:
    """Two golab runs want the same builds: the one that waits can be ended as well."""
    slow = SlowGo(tmp_path / "goroot", 600)
    first = subprocess.Popen([sys.executable, "-c", CTRL_C, str(slow.folder)])
    second = None
    try:
        for _ in range(1000):
            if len(slow.pids()) == 2:
                break
            time.sleep(0.02)
        second = subprocess.Popen([sys.executable, "-c", CTRL_C, str(slow.folder)])
        time.sleep(1.5)
        second.send_signal(signal.SIGINT)
        assert second.wait(30) == 130
    finally:
        first.send_signal(signal.SIGINT)
        first.wait(30)
        if second and second.poll() is None:
            second.kill()
            second.wait()
    assert all(gone(pid) for pid in slow.pids())


def test_a_build_waits_for_the_process_that_is_making_it(
    current_go: Toolchain, own_cache: Path, package: Path
) -> None:
    program = find_program(package)
    builds = own_cache / "builds"
    builds.mkdir()
    made: list[Binary] = []
    work = threading.Thread(target=lambda: made.append(build(program, DEFAULT, current_go)))
    lock = builds / f"{key(program, program.content, DEFAULT, current_go)}.lock"
    with FileLock(lock):
        work.start()
        time.sleep(0.3)
        assert not made
    work.join(60)
    assert made[0].error is None


def test_builds_that_have_just_ended_do_not_hinder_the_end_of_the_others(tmp_path: Path) -> None:
    ended = subprocess.Popen(["/bin/true"], start_new_session=True)
    ended.wait()
    other = subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
    running = RunningBuilds({}, 1)
    running.groups = {ended.pid, other.pid}
    running.stop()
    assert other.wait(30) == -signal.SIGKILL
    with pytest.raises(LabError, match="stopped"):
        running.run(["/bin/true"], tmp_path, {}, tmp_path / "log")
