"""When a server is ready: it says where it listens, and answers there."""

import os
import re
import socket
import time

from labhelpers.startup.child import readable
from labhelpers.startup.command import Command, LaunchFailed, not_ready


def ready_address(command: Command, stdout: int, timeout: float) -> tuple[str, int]:
    """Read a server's first line, `ready HOST:PORT`."""
    deadline = time.monotonic() + timeout
    line = b""
    while b"\n" not in line and len(line) <= 256:
        left = max(0.0, deadline - time.monotonic())
        if not readable(stdout, left):
            raise not_ready(command, timeout)
        piece = os.read(stdout, 256)
        if not piece:
            break
        line += piece
    line = line.partition(b"\n")[0]
    word, _, address = line.decode(errors="replace").strip().partition(" ")
    host, _, port = address.rpartition(":")
    if word != "ready" or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise LaunchFailed(
            f"{command.name} is a server and did not print its address: its first line must be "
            f"'ready HOST:PORT', and it was {line[:80].decode(errors='replace')!r}."
        )
    return host, int(port)


def first_answer(command: Command, host: str, port: int, timeout: float) -> None:
    """Ask a server once and wait for the first bytes of its answer."""
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = connection.recv(4096)
    except OSError as error:
        raise LaunchFailed(f"{command.name} gave no answer at {host}:{port}: {error}.") from error
    if not answer.startswith(b"HTTP/1."):
        raise LaunchFailed(f"{command.name} answered at {host}:{port}, but not in HTTP.")
