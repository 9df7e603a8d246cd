"""When a start counts as done: at the exit, at the first output, or when a port or a page answers.

A port is asked again and again, `PAUSE` apart, from the spawn on; the time of a start is that
coarse, and the asking takes a few per cent of one processor.
"""

import contextlib
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from labhelpers.errors import LabError

PAUSE = 100e-6
"""Seconds between two questions."""
TURN_DOWN = 0.2
"""Seconds that a question may take before it is put anew."""


@dataclass(frozen=True)
class Exit:
    """The process has ended, with status 0."""

    def __str__(self) -> str:
        """Return it in words, to follow “a start”."""
        return "to its exit"


@dataclass(frozen=True)
class FirstByte:
    """Something was written to standard output."""

    def __str__(self) -> str:
        """Return it in words, to follow “a start”."""
        return "to the first byte of its output"


@dataclass(frozen=True)
class Tcp:
    """A port accepts a connection."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it in words, to follow “a start”."""
        return f"until {self.host}:{self.port} accepts a connection"

    def ready(self) -> bool:
        """Ask once."""
        with contextlib.suppress(OSError), _connection(self.host, self.port):
            return True
        return False


@dataclass(frozen=True)
class Http:
    """A URL is answered, with a status from 200 to 399."""

    url: str
    host: str
    port: int

    def __str__(self) -> str:
        """Return it in words, to follow “a start”."""
        return f"until {self.url} answers"

    def ready(self) -> bool:
        """Ask once."""
        return (self.status() or 500) < 400

    def status(self) -> int | None:
        """Return the status of the answer, None where there is none."""
        parts = urlsplit(self.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        name = parts.netloc.rpartition("@")[2]
        with contextlib.suppress(OSError), _connection(self.host, self.port) as connection:
            connection.settimeout(5.0)  # it is there, and may think before it answers
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode()
            )
            head = b""
            while b"\n" not in head and (piece := connection.recv(512)):
                head += piece
            if found := re.match(rb"HTTP/\d\.\d (\d{3})", head):
                return int(found[1])
        return None


Port = Tcp | Http
Until = Exit | FirstByte | Tcp | Http


def tcp(text: str) -> Tcp:
    """Return the readiness of `PORT` or `HOST:PORT`.

    Raises:
        LabError: it is neither.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise LabError(f"{text!r} is no port: write --ready-tcp 8080 or --ready-tcp HOST:8080.")
    return Tcp(host, int(port))


def http(url: str) -> Http:
    """Return the readiness of a URL.

    Raises:
        LabError: it is none that can be asked here.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port, parts = None, 0, urlsplit("")
    if parts.scheme != "http" or not host or not re.fullmatch(r"[!-~]+", url):
        raise LabError(
            f"{url!r} cannot be asked: write --ready-http http://127.0.0.1:8080/healthz "
            "(for https, --ready-tcp with its port)."
        )
    return Http(url, host, port)


def _connection(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), TURN_DOWN)
