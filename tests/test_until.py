"""What counts as ready, and how it is named on the command line."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from labhelpers.errors import LabError
from labhelpers.startup.until import Http, Tcp, http, tcp


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8080", Tcp("127.0.0.1", 8080)),
        (":8080", Tcp("127.0.0.1", 8080)),
        ("localhost:1", Tcp("localhost", 1)),
        ("[::1]:65535", Tcp("::1", 65535)),
    ],
)
def test_ports(text: str, expected: Tcp) -> None:
    assert tcp(text) == expected


@pytest.mark.parametrize("text", ["", "0", "65536", "http", "1.2.3.4", "host:", "host:-1", "٣"])
def test_what_is_no_port_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(LabError, match="write --ready-tcp 8080"):
        tcp(text)


def test_urls() -> None:
    assert http("http://localhost/x") == Http("http://localhost/x", "localhost", 80)
    assert http("http://[::1]:8080").host == "::1"


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost:80", "https://localhost/", "http://", "ftp://x/", "http://h:99999/"),
        *("http://h:x/", "http://h/a b", "http://h/\r\nX: y", "http://[::1"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(LabError, match="write --ready-http http://"):
        http(url)


def test_a_port_is_ready_when_someone_listens() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        until = Tcp("127.0.0.1", listener.getsockname()[1])
        assert not until.ready()
        listener.listen()
        assert until.ready()
    assert not until.ready()


def test_a_page_is_ready_when_its_answer_is_no_error() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if self.path == "/later" else 204)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        assert http(f"{base}/now?x=1").ready()
        assert http(f"{base}/later").status() == 503
        assert not http(f"{base}/later").ready()
        server.shutdown()
    assert http(f"{base}/now").status() is None
