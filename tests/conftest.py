"""Fixtures that several test files share."""

import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labhelpers.machine import can_open_perf_event, file_system
from labhelpers.toolchain import Toolchain, toolchain

WriteProgram = Callable[[str, str], Path]

# A shell without job control starts background jobs with Ctrl-C ignored, and what the tests start
# would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def current_go() -> Toolchain:
    return toolchain("current")


@pytest.fixture
def program(tmp_path: Path) -> WriteProgram:
    """Return a function that writes an executable file: name, text with its #! line."""

    def write(name: str, text: str) -> Path:
        file = tmp_path / name
        file.write_text(text)
        file.chmod(0o755)
        return file

    return write


@pytest.fixture
def ram_disk() -> Iterator[Path]:
    """Return a folder on a tmpfs, whose pages cannot be dropped."""
    shm = Path("/dev/shm")
    if not shm.is_dir() or file_system(shm) != "tmpfs":
        pytest.skip("no tmpfs at /dev/shm")
    with tempfile.TemporaryDirectory(dir=shm) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _no_figure_stays_open() -> Iterator[None]:
    """Close the figures that a test has drawn; pyplot keeps them otherwise."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def _perf_events() -> None:
    """Skip where the kernel gives no events of own processes."""
    if not can_open_perf_event():
        pytest.skip("perf events are refused on this machine")
