"""JupyterLab for the tests that look at it in a browser, and the browser."""

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
READY_MS = 60_000

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or importlib.util.find_spec("playwright") is None,
    reason="no browser to try it in: it takes the system's chromium and playwright",
)


@contextmanager
def browser() -> Iterator[Any]:
    """Yield the system's Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@contextmanager
def jupyterlab(folder: Path, home: Path, **variables: str) -> Iterator[tuple[str, str]]:
    """Start JupyterLab in a folder, with an empty home; yield its address and its token."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--notebook-dir={folder}"),
        f"--IdentityProvider.token={token}",
    ]
    own = {**os.environ, "HOME": str(home), "JUPYTER_PREFER_ENV_PATH": "1", **variables}
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=own, cwd=folder, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api/status?token={token}", server)
        yield address, token
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        assert server.poll() is None, "JupyterLab ended by itself"
        try:
            with urlopen(address, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("JupyterLab did not answer")
