"""The article's recipe followed, and what Go's own viewer shows."""

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from labhelpers.build import BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.experiments.instruments import INSTRUMENTS, watched_start
from labhelpers.experiments.tracing import (
    follow,
    has_function,
    over_http,
    view,
)
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain, toolchain


def built(name: str, chain: Toolchain, gcflags: str = "") -> Path:
    path = build(find_program(name), BuildConfig(cgo=False, gcflags=gcflags), chain).path
    assert path
    return path


@pytest.mark.parametrize("release", ["article", "current"])
def test_the_recipe_leaves_nothing_of_a_quiet_program(release: str, current_go: Toolchain) -> None:
    left = follow(find_program("hello"), toolchain(release), current_go)
    assert (left.bytes, left.begins, left.events) == (0, "(nothing)", None)
    assert left.said.startswith("bad file format")


def test_the_recipe_leaves_text_of_a_crash(current_go: Toolchain) -> None:
    selfnames = find_program("selfnames")
    left = {
        crash: follow(selfnames, current_go, current_go, "panic", crash=crash)
        for crash in (True, False)
    }
    assert left[True].bytes > left[False].bytes > 0
    assert all(own.events is None and own.begins.startswith("'panic: ") for own in left.values())


def test_the_recipe_leaves_a_trace_where_the_program_starts_one(current_go: Toolchain) -> None:
    left = follow(find_program("tracedmain"), current_go, current_go, "main-trace")
    assert left.events
    assert left.begins.startswith("'go 1.")
    assert left.program == "tracedmain main-trace"


def test_a_trace_over_http_begins_after_the_server_is_ready(current_go: Toolchain) -> None:
    found = over_http(built("pprofserver", current_go), current_go)
    assert found.begins_ms is not None
    assert found.begins_ms > found.ready_ms > 0
    assert found.trace.events


def test_a_server_that_serves_nothing(current_go: Toolchain) -> None:
    with pytest.raises(LabError, match="hello serves nothing"):
        over_http(built("hello", current_go), current_go)


def test_the_viewer_s_pages(current_go: Toolchain) -> None:
    (instrument,) = (own for own in INSTRUMENTS if own.name == "trace from init")
    start = watched_start(built("tracedmain", current_go), instrument)
    found = view(start.written, current_go, "serve")
    assert {"[pool] connecting", "[main] in main"} <= set(found.names)
    assert any(name.startswith("G1") for name in found.during("[main] in main"))
    assert (found.marked, found.regions, found.filtered) == (("serve",), 1, 0)
    with pytest.raises(LabError, match="lists no region 'other'"):
        view(start.written, current_go, "other")


def test_the_viewer_leaves_no_process_behind(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (instrument,) = (own for own in INSTRUMENTS if own.name == "trace from main")
    start = watched_start(built("tracedmain", current_go), instrument)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # so it is in the tool's arguments
    view(start.written, current_go, "serve")
    assert not [pid for pid, words in processes().items() if str(tmp_path).encode() in words]


def processes() -> dict[str, bytes]:
    """Return the arguments of all processes that have not ended."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found[process.name] = (process / "cmdline").read_bytes()
    return found


def test_a_function_of_its_own_or_inlined(current_go: Toolchain) -> None:
    assert not has_function(built("tracedmain", current_go), "main.mark")
    assert has_function(built("tracedmain", current_go, gcflags="-l"), "main.mark")
