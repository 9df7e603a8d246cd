"""Starts of programs that know nothing of golab: ready, in a place of their own, nothing left."""

import os
import re
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.startup.ownplace import standing_in
from labhelpers.startup.spawn import Command, LaunchFailed, Timing
from labhelpers.startup.starts import Starts
from labhelpers.startup.until import Exit, FirstByte, Http, Tcp, Until

LISTEN = (
    "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
    "time.sleep(60)"
)


def python(code: str, *arguments: str) -> Command:
    return Command("it", (sys.executable, "-S", "-E", "-c", code, *arguments))


def attempt(code: str, *arguments: str, until: Until | None = None, timeout: float = 20) -> Timing:
    return Starts(until or Exit()).attempt(python(code, *arguments), timeout)


def said(code: str, until: Until | None = None, timeout: float = 20) -> str:
    with pytest.raises(LaunchFailed) as caught:
        attempt(code, until=until, timeout=timeout)
    return str(caught.value)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_start_to_the_exit_counts_its_whole_life() -> None:
    timing = attempt("import time; time.sleep(0.2)")
    assert timing.ready_ns is None
    assert timing.wall_ns >= 200e6


def test_a_start_to_the_first_byte_ends_there() -> None:
    code = "import os, time; time.sleep(0.1); os.write(1, b'x'); time.sleep(60)"
    timing = attempt(code, until=FirstByte())
    assert timing.ready_ns is not None
    assert 100e6 <= timing.ready_ns <= timing.wall_ns < 60e9


def test_a_start_to_a_port_ends_when_it_is_open(free_port: int) -> None:
    until = Tcp("127.0.0.1", free_port)
    starts, command = (
        Starts(until),
        python(f"import time; time.sleep(0.2); {LISTEN}", str(free_port)),
    )
    for _ in range(3):  # each start finds the port free again
        timing = starts(command, 20, dict(os.environ))
        assert timing.ready_ns
        assert timing.ready_ns >= 200e6
    assert not until.ready()


def test_a_start_to_a_page_waits_until_it_is_no_error(free_port: int) -> None:
    code = """
import http.server, sys, time
begin = time.monotonic()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if time.monotonic() - begin > 0.3 else 503)
        self.end_headers()
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
"""
    until = Http(f"http://127.0.0.1:{free_port}/", "127.0.0.1", free_port)
    timing = attempt(code, str(free_port), until=until)
    assert timing.ready_ns
    assert timing.ready_ns >= 300e6


def test_a_failed_start_quotes_the_program_and_says_what_to_do() -> None:
    text = said("import sys; print('usage: it FILE', file=sys.stderr); sys.exit(2)")
    assert text == (
        "it exited with status 2, saying “usage: it FILE”: give it arguments with which it ends "
        "well (--args), or, for a server, say when it is ready (--ready-tcp PORT, "
        "--ready-http URL)."
    )


def test_the_line_that_speaks_of_an_error_is_quoted() -> None:
    text = said("import sys; print('starting'); print('fatal: no config'); sys.exit(1)")
    assert "saying “fatal: no config”" in text


def test_a_program_that_never_ends_is_taken_for_a_server() -> None:
    text = said("import time; print('listening', flush=True); time.sleep(60)", timeout=0.5)
    assert re.match(r"it did not end within 0.5 s, saying “listening”: .*--ready-tcp PORT", text)


def test_a_program_that_prints_nothing_has_no_first_byte() -> None:
    assert "wrote nothing" in said("pass", until=FirstByte())


def test_a_program_that_never_listens_is_given_up(free_port: int) -> None:
    text = said("import time; time.sleep(60)", until=Tcp("127.0.0.1", free_port), timeout=0.5)
    assert f"not ready within 0.5 s (port {free_port} of 127.0.0.1 accepts no connection)" in text


def test_a_program_that_ends_before_it_listens_says_why(free_port: int) -> None:
    code = "import sys; sys.exit('cannot bind')"
    text = said(code, until=Tcp("127.0.0.1", free_port))
    assert "exited with status 1 before it was ready, saying “cannot bind”" in text


def test_a_page_that_stays_an_error_is_named(free_port: int) -> None:
    code = f"""
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.end_headers()
http.server.HTTPServer(('127.0.0.1', {free_port}), Handler).serve_forever()
"""
    until = Http(f"http://127.0.0.1:{free_port}/", "127.0.0.1", free_port)
    assert "answers with status 404" in said(code, until=until, timeout=2)


def test_a_taken_port_is_not_taken_for_readiness() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LabError, match=f"Port {port} of 127.0.0.1 is taken by another"):
            attempt(LISTEN, str(port), until=Tcp("127.0.0.1", port))


DAEMON = """
import os, sys, time
child = os.fork()
if child == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)
if len(sys.argv) > 1:
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("arguments", [[], ["wait"]])
def test_a_daemon_is_found_out_and_ended(arguments: list[str]) -> None:
    with pytest.raises(LaunchFailed, match=r"^it left .* running in the background: keep it"):
        attempt(DAEMON, *arguments)


def test_a_daemon_that_comes_later_is_ended_with_the_run() -> None:
    starts = Starts()
    starts(python(DAEMON, "wait"), 20, dict(os.environ))
    assert starts.end()
    assert not starts.end()


def test_each_start_has_fresh_folders_and_the_users_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("as it was")
    code = """
import os, sys
assert open('config').read() == 'as it was' and not os.path.exists('written')
for folder in ('.', os.environ['HOME'], os.environ['TMPDIR']):
    assert os.listdir(folder) in ([], ['config'])
    open(folder + '/written', 'w').write('x')
open('config', 'w').write('changed')
"""
    starts = Starts(template=tmp_path)
    before = Path.cwd()
    for _ in range(2):
        starts.attempt(python(code), 20)
    assert (tmp_path / "config").read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["config"]
    assert Path.cwd() == before


def test_variables_reach_the_program() -> None:
    code = "import os; assert os.environ['ASKED'] == 'for' and os.environ['HOME'] == '/nowhere'"
    Starts(variables={"ASKED": "for", "HOME": "/nowhere"}).attempt(python(code), 20)


def test_standing_in_a_folder_moves_no_other_thread(tmp_path: Path) -> None:
    seen: list[Path] = []
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        inside.wait(10)
        seen.append(Path.cwd())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    def stand() -> None:
        with standing_in(tmp_path):
            seen.append(Path.cwd())
            inside.set()
            done.wait(10)

    standing = threading.Thread(target=stand)
    standing.start()
    standing.join()
    thread.join()
    assert seen == [tmp_path, Path.cwd()]


def test_a_start_can_be_refused_before_it_begins() -> None:
    def refuse() -> None:
        raise LabError("not now")

    with pytest.raises(LabError, match="not now"):
        Starts(check=refuse)(python("pass"), 20, dict(os.environ))


def test_much_output_blocks_nobody() -> None:
    begin = time.monotonic()
    attempt("import os\nfor _ in range(200): os.write(1, b'x' * 65536)")
    assert time.monotonic() - begin < 20
