import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import WriteProgram
from helpers import gone, open_files

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.startup import spawn
from labhelpers.startup.spawn import Command, LaunchFailed, launch
from labhelpers.toolchain import Toolchain

SERVER = "import socket, sys, time\n"
LISTEN = "s = socket.create_server(('127.0.0.1', 0)); port = s.getsockname()[1]\n"
READY = "print('ready 127.0.0.1:%d' % port, flush=True)\n"


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """Every test of a launch, failed or not, leaves no child and no open file."""
    spawn.null()
    before = open_files()
    yield
    assert open_files() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def shell(program: WriteProgram, text: str, name: str = "program") -> Command:
    return Command(name, (str(program(name, f"#!/bin/sh\n{text}\n")),))


def server(program: WriteProgram, text: str) -> Command:
    file = program("server", f"#!{sys.executable}\n{SERVER}{text}")
    return Command("server", (str(file),), server=True)


def written(file: Path) -> str:
    """Return what a program writes to a file, as soon as there is a whole line."""
    for _ in range(1000):
        if file.exists() and (text := file.read_text()).endswith("\n"):
            return text
        time.sleep(0.01)
    raise AssertionError(f"{file} was not written")


def test_a_start_has_its_times_and_counts() -> None:
    own = launch(Command("true", ("/bin/true",)), 10)
    assert own.wall_ns > 0
    assert own.ready_ns is None
    assert own.minor_faults > 0
    assert 0 <= own.user_us + own.sys_us <= own.wall_ns / 1000 + 20_000


def test_the_clock_stops_at_the_end_of_the_program() -> None:
    quick = launch(Command("true", ("/bin/true",)), 10)
    slow = launch(Command("sleep", ("/bin/sleep", "0.2")), 10)
    assert slow.wall_ns > quick.wall_ns
    assert slow.wall_ns >= 200_000_000
    assert slow.voluntary_switches >= 1


def test_processor_time_is_the_childs(program: WriteProgram) -> None:
    busy = shell(program, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
    assert launch(busy, 60).user_us > 10_000


def test_nothing_but_posix_spawn_starts_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **rest: object) -> None:
        raise AssertionError("only posix_spawn may start what is measured")

    for name in ("fork", "forkpty", "posix_spawnp", "system", "popen", "execv", "execve"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    launch(Command("true", ("/bin/true",)), 10)
    source = Path(spawn.__file__).read_text()
    assert not re.search(r"\b(subprocess|multiprocessing|os\.fork)\b", source)


def test_output_is_thrown_away(program: WriteProgram, capfd: pytest.CaptureFixture[str]) -> None:
    launch(shell(program, "echo out; echo err >&2; read line && exit 7; exit 0"), 10)
    assert capfd.readouterr() == ("", "")


def test_the_environment_is_exactly_what_was_given(program: WriteProgram, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = shell(program, f'echo "$A $GOLAB_PAD" > {shlex.quote(str(out))}')
    launch(command, 10, {"A": "1", "GOLAB_PAD": "xx"})
    assert out.read_text() == "1 xx\n"


def test_no_descriptor_is_inherited(program: WriteProgram, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (tmp_path / "secret").open("w"):
        launch(shell(program, f"ls -l /proc/self/fd > {shlex.quote(str(out))}"), 10)
    assert "secret" not in out.read_text()
    assert "/dev/null" in out.read_text()


def test_exit_status_is_told(program: WriteProgram) -> None:
    with pytest.raises(LaunchFailed, match="program exited with status 3"):
        launch(shell(program, "exit 3"), 10)


@pytest.mark.parametrize("number", [9, 11, 15, 40])
def test_the_signal_that_ended_a_program_is_told(program: WriteProgram, number: int) -> None:
    with pytest.raises(LaunchFailed, match=f"ended by signal {number} "):
        launch(shell(program, f"kill -{number} $$"), 10)


def test_a_file_that_is_not_executable(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("#!/bin/sh\n")
    with pytest.raises(LaunchFailed, match=r"Permission denied.*executable"):
        launch(Command("data", (str(file),)), 10)


def test_a_file_of_no_executable_format(program: WriteProgram) -> None:
    file = program("garbage", "\x7fELF and then nothing")
    with pytest.raises(LaunchFailed, match="garbage could not be started"):
        launch(Command("garbage", (str(file),)), 10)


def test_a_missing_program_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(LaunchFailed, match="No such file"):
        launch(Command("missing", (str(tmp_path / "missing"),)), 10)
    with pytest.raises(LaunchFailed, match="Permission denied"):
        launch(Command("folder", (str(tmp_path),)), 10)


def test_a_script_whose_interpreter_is_missing(program: WriteProgram) -> None:
    file = program("script", "#!/nowhere/interpreter\n")
    with pytest.raises(LaunchFailed, match="could not be started"):
        launch(Command("script", (str(file),)), 10)


def test_an_argument_with_a_zero_byte_is_refused() -> None:
    with pytest.raises((LaunchFailed, ValueError)):
        launch(Command("true", ("/bin/true", "a\0b")), 10)


def test_a_program_that_never_ends_is_killed_with_its_children(
    program: WriteProgram, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    command = shell(
        program,
        f"trap '' TERM INT HUP; sleep 600 & a=$!; (sleep 600 & wait) & b=$!\n"
        f"echo $$ $a $b > {shlex.quote(str(pids))}; wait",
    )
    with pytest.raises(LaunchFailed, match=r"did not end within 0.5 s .*--timeout"):
        launch(command, 0.5)
    for pid in map(int, written(pids).split()):
        assert gone(pid)


@pytest.mark.parametrize("status", [0, 1])
def test_what_a_program_leaves_running_is_ended(
    program: WriteProgram, tmp_path: Path, status: int
) -> None:
    pid = tmp_path / "pid"
    text = f"sleep 600 & echo $! > {shlex.quote(str(pid))}; exit {status}"
    command = shell(program, text)
    if status:
        with pytest.raises(LaunchFailed):
            launch(command, 10)
    else:
        launch(command, 10)
    assert gone(int(written(pid)))


def test_a_gigabyte_of_output_is_harmless() -> None:
    memory = Path("/proc/self/statm").read_text().split()[1]
    own = launch(Command("head", ("/usr/bin/head", "-c", "1000000000", "/dev/zero")), 60)
    assert own.wall_ns > 0
    grown = int(Path("/proc/self/statm").read_text().split()[1]) - int(memory)
    assert grown * os.sysconf("SC_PAGE_SIZE") < 50_000_000


def press_ctrl_c_within(function: Callable[..., object]) -> Callable[..., object]:
    """Return a function that does its work and is hit by Ctrl-C before it can return."""

    def hit(*arguments: object, **rest: object) -> object:
        result = function(*arguments, **rest)
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100):  # room for Python to run its handlers
            time.sleep(0)
        return result

    return hit


@pytest.mark.parametrize("name", ["posix_spawn", "pidfd_open"])
def test_ctrl_c_during_the_start_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(os, name, press_ctrl_c_within(getattr(os, name)))
    with pytest.raises(KeyboardInterrupt):
        launch(Command("sleep", ("/bin/sleep", "600")), 60)
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_at_the_very_end_stays_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "wait4", press_ctrl_c_within(os.wait4))
    with pytest.raises(KeyboardInterrupt):
        launch(Command("true", ("/bin/true",)), 60)
    monkeypatch.undo()


def test_ctrl_c_while_waiting_leaves_no_process(program: WriteProgram, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = shell(program, f"echo $$ > {shlex.quote(str(pid))}; exec sleep 600")

    def press() -> None:
        written(pid)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    with pytest.raises(KeyboardInterrupt):
        launch(command, 60)
    pressing.join()
    assert gone(int(written(pid)))


def test_a_launch_from_another_thread() -> None:
    found: list[object] = []

    def work() -> None:
        found.append(launch(Command("true", ("/bin/true",)), 10).wall_ns)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found


@pytest.mark.parametrize("config", ["default", "strip+external+trim-tags"])
def test_a_real_server_is_ready_before_it_ends(current_go: Toolchain, config: str) -> None:
    if current_go.cc is None and "external" in config:
        pytest.skip("no C compiler")
    binary = build(find_program("httpd"), find_config(config), current_go)
    own = launch(Command("httpd", (str(binary.path),), server=True), 30)
    assert own.ready_ns is not None
    assert 0 < own.ready_ns < own.wall_ns


def test_the_answer_comes_from_the_server_itself(program: WriteProgram, tmp_path: Path) -> None:
    request = tmp_path / "request"
    text = (
        f"{LISTEN}{READY}c, _ = s.accept(); r = c.recv(999)\n"
        f"open({str(request)!r}, 'wb').write(r)\n"
        "c.send(b'HTTP/1.0 200 OK\\r\\n\\r\\n'); c.close()\n"
        "sys.stdin.read()\n"
    )
    own = launch(server(program, text), 30)
    assert own.ready_ns is not None
    assert request.read_bytes().startswith(b"GET / HTTP/1.0\r\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("print('hello', flush=True); time.sleep(600)\n", "first line must be.*'hello'"),
        ("print('ready', flush=True); time.sleep(600)\n", "first line must be"),
        ("print('ready 127.0.0.1:http', flush=True); time.sleep(600)\n", "first line must be"),
        ("print('ready 127.0.0.1:99999', flush=True); time.sleep(600)\n", "first line must be"),
        ("print('ready 127.0.0.1:²', flush=True); time.sleep(600)\n", "first line must be"),
        ("print('ready 127.0.0.1:1', flush=True); time.sleep(600)\n", "gave no answer"),
        ("print('ready nowhere.invalid:1', flush=True); time.sleep(600)\n", "gave no answer"),
        ("sys.exit(0)\n", "did not print its address"),
        ("sys.exit(5)\n", "did not print its address"),
        ("sys.stdout.write('x' * 10**7); time.sleep(600)\n", "did not print its address"),
        (f"{LISTEN}{READY}s.accept()[0].send(b'SMTP'); time.sleep(600)\n", "not in HTTP"),
        (f"{LISTEN}{READY}c, _ = s.accept(); c.recv(999); c.close(); time.sleep(600)\n", "HTTP"),
    ],
)
def test_servers_that_answer_wrongly(program: WriteProgram, text: str, message: str) -> None:
    with pytest.raises(LaunchFailed, match=message):
        launch(server(program, text), 60)


@pytest.mark.parametrize(
    "text",
    [
        "time.sleep(600)\n",
        "print('ready 127.0.0.1', end='', flush=True); time.sleep(600)\n",
        "while True: sys.stdout.write('r'); sys.stdout.flush(); time.sleep(0.3)\n",
        f"{LISTEN}{READY}time.sleep(600)\n",
        f"{LISTEN}{READY}c, _ = s.accept(); time.sleep(600)\n",
        f"{LISTEN}{READY}c, _ = s.accept(); c.send(b'HTTP/1.0 200 OK'); time.sleep(600)\n",
    ],
)
def test_servers_that_hang_are_given_up_in_time(program: WriteProgram, text: str) -> None:
    begin = time.monotonic()
    with pytest.raises(LaunchFailed, match=r"within|timed out"):
        launch(server(program, text), 0.8)
    assert time.monotonic() - begin < 30


def test_a_server_may_say_more_than_its_address(program: WriteProgram) -> None:
    text = (
        f"{LISTEN}print('ready 127.0.0.1:%d\\nand more' % port, end='', flush=True)\n"
        "c, _ = s.accept(); c.recv(999); c.send(b'HTTP/1.0 200 OK\\r\\n\\r\\n'); sys.stdin.read()\n"
    )
    assert launch(server(program, text), 30).ready_ns is not None


def test_a_server_that_ends_badly_after_its_answer(program: WriteProgram) -> None:
    text = (
        f"{LISTEN}{READY}c, _ = s.accept(); c.recv(999)\n"
        "c.send(b'HTTP/1.0 200 OK\\r\\n\\r\\n'); sys.exit(4)\n"
    )
    with pytest.raises(LaunchFailed, match="status 4"):
        launch(server(program, text), 30)


def test_ctrl_c_during_the_start_of_a_server_leaves_nothing(
    program: WriteProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = server(program, "time.sleep(600)\n")
    monkeypatch.setattr(os, "posix_spawn", press_ctrl_c_within(os.posix_spawn))
    with pytest.raises(KeyboardInterrupt):
        launch(command, 60)
    monkeypatch.undo()
