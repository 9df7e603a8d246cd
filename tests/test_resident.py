"""Peak memory: the same for a small parent and a large one, and no word more than is known."""

import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import WriteProgram
from helpers import gone, names, open_files

from labhelpers.build import build
from labhelpers.ccompiler import CCompiler, _ziglang
from labhelpers.configs import find_config
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.startup import resident
from labhelpers.startup.resident import Launcher, find_launcher, peak_resident
from labhelpers.startup.spawn import Command, LaunchFailed, launch
from labhelpers.toolchain import Toolchain, find_c_compiler

PARENT = """
import sys
{ballast}
from labhelpers.startup.resident import peak_resident
from labhelpers.startup.spawn import Command
with open("/proc/self/status") as status:
    own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
found = [peak_resident(Command("hello", (sys.argv[1],)), launches=1) for _ in range(9)]
print(own, *[row.kib for row in found], any(row.upper_bound for row in found))
"""
BARE = """
import os, sys
{ballast}
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")))
null = os.open("/dev/null", os.O_RDWR)
for _ in range(9):
    read, write = os.pipe()
    os.set_inheritable(write, True)
    words = [sys.argv[1], str(write), sys.argv[2]]
    pid = os.posix_spawn(words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
    os.waitpid(pid, 0)
    print(os.read(read, 100).split()[0].decode())
"""
"""A parent without numpy and all that: as small as Python is."""
STEP = max(32, 2 * (os.cpu_count() or 1)) * os.sysconf("SC_PAGE_SIZE") // 1024
"""KiB by which the kernel's count of resident pages may lie below the truth, a processor."""


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    peak_resident(Command("true", ("/bin/true",)), launches=1)
    before = open_files()
    yield
    assert open_files() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.fixture(scope="module")
def hello(current_go: Toolchain) -> Path:
    path = build(find_program("hello"), find_config("trim"), current_go).path
    assert path
    return path


@pytest.fixture(params=["C", "Python"])
def launcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a test run with each launcher; the second is that of a machine without C compiler."""
    if request.param == "Python":
        monkeypatch.setattr(resident, "find_c_compiler", lambda: None)
    elif find_c_compiler() is None:
        pytest.skip("no C compiler")
    return str(request.param)


def asked_by(ballast: str, hello: Path) -> tuple[int, int, bool]:
    """Return a parent's own peak, the median that it was told of hello, and whether a bound."""
    command = [sys.executable, "-c", PARENT.format(ballast=ballast), str(hello)]
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(words[0]), statistics.median_low(map(int, words[1:-1])), words[-1] == "True"


def test_a_large_parent_gets_the_same_figure_as_a_small_one(hello: Path) -> None:
    """To two steps in which the kernel counts: hello's threads run on some processors."""
    if find_c_compiler() is None:
        pytest.skip("no C compiler")
    small, by_small, bound_of_small = asked_by("", hello)
    large, by_large, bound_of_large = asked_by("ballast = bytearray(b'x') * 300_000_000", hello)
    assert large - small > 250_000
    assert not bound_of_small
    assert not bound_of_large
    assert abs(by_small - by_large) <= 2 * STEP
    assert by_large < small


def test_the_launcher_tells_the_same_to_a_parent_of_10_mb_and_one_of_300(hello: Path) -> None:
    if (compiler := find_c_compiler()) is None:
        pytest.skip("no C compiler")
    launcher = find_launcher(compiler).words[0]
    told = []
    for ballast in ("", "ballast = bytearray(b'x') * 300_000_000"):
        command = [sys.executable, "-I", "-S", "-c", BARE.format(ballast=ballast), launcher, hello]
        words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        own, *peaks = map(int, words)
        told.append((own, statistics.median_low(peaks)))
    (small, by_small), (large, by_large) = told
    assert small < 15_000
    assert large > 290_000
    assert abs(by_small - by_large) <= 2 * STEP
    assert by_large < small


def test_without_a_compiler_it_is_an_upper_bound(
    hello: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = peak_resident(Command("hello", (str(hello),)))
    monkeypatch.setattr(resident, "find_c_compiler", lambda: None)
    bound = peak_resident(Command("hello", (str(hello),)))
    assert (bound.method, bound.upper_bound) == ("wait4", True)
    assert bound.kib >= exact.kib
    assert "no C compiler" in bound.note


def test_what_is_larger_than_the_launcher_is_exact_without_a_compiler_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "b = bytearray(b'x') * 100_000_000"
    command = Command("large", (sys.executable, "-I", "-S", "-c", text))
    monkeypatch.setattr(resident, "find_c_compiler", lambda: None)
    found = peak_resident(command, launches=1)
    assert not found.upper_bound
    assert 100_000_000 / 1024 - 4 * STEP < found.kib < 150_000_000 / 1024


def test_the_figure_follows_the_program(launcher: str) -> None:
    sizes = []
    for megabytes in (50, 150):
        text = f"b = bytearray(b'x') * {megabytes * 1024 * 1024}"
        command = Command("python", (sys.executable, "-I", "-S", "-c", text))
        sizes.append(peak_resident(command, launches=1).kib)
    assert abs(sizes[1] - sizes[0] - 100 * 1024) <= 4 * STEP


def test_a_program_smaller_than_the_launcher_has_an_upper_bound(tmp_path: Path) -> None:
    compiler = find_c_compiler()
    if compiler is None or compiler.kind != "gcc":
        pytest.skip("no gcc, which links without a C library")
    source = Path(__file__).parent / "bench" / "nop.c"
    nop = tmp_path / "nop"
    switches = ["-O2", "-static", "-nostdlib", "-o", str(nop), str(source)]
    subprocess.run([*compiler.command, *switches], check=True)
    found = peak_resident(Command("nop", (str(nop),)))
    assert found.upper_bound
    assert found.kib > 0
    assert "nop needs no more memory than" in found.note


def test_arguments_environment_and_streams_are_those_of_any_launch(
    program: WriteProgram, tmp_path: Path, launcher: str
) -> None:
    out = tmp_path / "out"
    text = (
        f"#!{sys.executable}\nimport os, sys\n"
        "names = [f'/proc/self/fd/{n}' for n in sorted(os.listdir('/proc/self/fd'))]\n"
        "links = [os.readlink(name) for name in names if os.path.exists(name)]\n"
        "with open('/proc/self/environ', 'rb') as file:\n"
        "    raw = file.read()\n"
        f"with open({str(out)!r}, 'w') as file:\n"
        "    print([ascii(a) for a in sys.argv[1:]], raw, links, file=file)\n"
    )
    words = ("a b", "", "--", "ä\udcff", "*")
    environment = {"A": "1=2", "EMPTY": "", "LC_ALL": "C"}
    command = Command("show", (str(program("show", text)), *words), environment=environment)
    launch(command, 10)
    plain = out.read_text()
    assert "'a b', '', '--'" in plain.replace('"', "")
    out.unlink()
    peak_resident(command, launches=1)
    assert out.read_text() == plain


def test_exit_status_is_told(program: WriteProgram, launcher: str) -> None:
    file = program("three", "#!/bin/sh\nexit 3\n")
    with pytest.raises(LaunchFailed, match="three exited with status 3"):
        peak_resident(Command("three", (str(file),)))


@pytest.mark.parametrize("number", [6, 9, 11, 15, 40])
def test_the_signal_that_ended_a_program_is_told(
    program: WriteProgram, number: int, launcher: str
) -> None:
    file = program("victim", f"#!/bin/sh\nkill -{number} $$\n")
    with pytest.raises(LaunchFailed, match=f"victim was ended by signal {number} "):
        peak_resident(Command("victim", (str(file),)))


def test_what_cannot_be_started_is_told_by_its_own_name(tmp_path: Path, launcher: str) -> None:
    with pytest.raises(LaunchFailed, match=r"missing could not be started \(No such file"):
        peak_resident(Command("missing", (str(tmp_path / "missing"),)))
    file = tmp_path / "data"
    file.write_text("#!/bin/sh\n")
    with pytest.raises(LaunchFailed, match=r"data could not be started \(Permission denied"):
        peak_resident(Command("data", (str(file),)))


def test_out_of_time_leaves_no_process(
    program: WriteProgram, tmp_path: Path, launcher: str
) -> None:
    pids = tmp_path / "pids"
    text = f"sleep 600 & echo $$ $! > {shlex.quote(str(pids))}; wait"
    file = program("sleeper", f"#!/bin/sh\n{text}\n")
    with pytest.raises(LaunchFailed, match="sleeper did not end within 1 s"):
        peak_resident(Command("sleeper", (str(file),)), timeout=1)
    for pid in map(int, pids.read_text().split()):
        assert gone(pid)


def test_a_program_that_leaves_its_process_group_ends_with_the_launcher(
    program: WriteProgram, tmp_path: Path
) -> None:
    if find_c_compiler() is None:
        pytest.skip("no C compiler")
    out = tmp_path / "pid"
    text = (
        f"#!{sys.executable}\nimport os, time\nos.setsid()\n"
        f"with open({str(out)!r}, 'w') as file:\n    file.write(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(LaunchFailed, match="did not end within 1 s"):
        peak_resident(Command("loner", (str(program("loner", text)),)), timeout=1)
    assert gone(int(out.read_text()))


def test_a_server_is_asked_and_measured(current_go: Toolchain, launcher: str) -> None:
    binary = build(find_program("httpd"), find_config("trim"), current_go)
    found = peak_resident(Command("httpd", (str(binary.path),), server=True), launches=1)
    assert found.kib > 1000


def test_a_long_program_is_started_once(tmp_path: Path, program: WriteProgram) -> None:
    log = tmp_path / "log"
    file = program("long", f"#!/bin/sh\necho x >> {shlex.quote(str(log))}; sleep 1.1\n")
    peak_resident(Command("long", (str(file),)))
    assert log.read_text() == "x\n"


def test_the_launcher_is_compiled_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path))
    first = find_launcher(compiler)
    made = Path(first.words[0]).stat()
    assert find_launcher(compiler) == first
    assert Path(first.words[0]).stat() == made
    assert len(names(cache_dir("launcher"))) == 1


def test_zig_makes_a_launcher_too(hello: Path) -> None:
    if (zig := _ziglang()) is None:
        pytest.skip("ziglang is not installed")
    launcher = find_launcher(zig)
    assert launcher.method == "launcher"
    assert launcher.note == ""
    peak, own = resident._peak(Command("hello", (str(hello),)), 10, launcher)
    assert peak > own > 0


def test_a_compiler_that_cannot_link_statically_or_at_all(program: WriteProgram) -> None:
    compiler = find_c_compiler()
    if compiler is None or compiler.source == "ziglang":
        pytest.skip("no C compiler that can be wrapped")
    word = shlex.join(compiler.command)
    static = 'case " $* " in *" -static "*) exit 1;; esac'
    dynamic = program("no-static-cc", f'#!/bin/sh\n{static}\nexec {word} "$@"\n')
    found = find_launcher(CCompiler((str(dynamic),), "1", "other", "$CC"))
    assert found.method == "launcher"
    assert "linked dynamically" in found.note
    broken = program("no-cc", "#!/bin/sh\nexit 1\n")
    found = find_launcher(CCompiler((str(broken),), "1", "other", "$CC"))
    assert found.method == "wait4"
    assert "cannot link" in found.note


def test_a_launcher_that_tells_nothing_is_no_figure(program: WriteProgram) -> None:
    silent = program("silent", "#!/bin/sh\nexit 0\n")
    with pytest.raises(LaunchFailed, match="nothing was told of its memory"):
        resident._peak(Command("true", ("/bin/true",)), 10, Launcher((str(silent),), "launcher"))
