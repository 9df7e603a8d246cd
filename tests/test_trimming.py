"""Small programs with each switch that takes C out, and who then answers."""

import subprocess
from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import emptyroot
from labhelpers.experiments.cgoexport import impossible
from labhelpers.experiments.golinking import cgo_packages
from labhelpers.experiments.trimming import SWITCHES, ask, builds, ladder, trim
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain


@pytest.fixture(autouse=True)
def _compiler(current_go: Toolchain) -> None:
    if reason := impossible(current_go):
        pytest.skip(reason)


def test_each_program_needs_libraries_exactly_where_c_is_left(current_go: Toolchain) -> None:
    programs = ladder()
    rows = trim(current_go, programs)
    assert len(rows) == len(programs) * len(SWITCHES)
    for row in rows:
        config = SWITCHES[row.switch]
        left = cgo_packages(programs[row.program], current_go, config.cgo is not False, config.tags)
        assert row.free == (not left), (row, left)
    both = {row.switch: row.free for row in rows if row.program == "net and os/user"}
    assert [name for name, free in both.items() if not free] == ["default", "netgo", "osusergo"]


def test_the_programs_of_the_ladder_import_what_their_names_say() -> None:
    imports = {
        name: [path for path in ('"net"', '"os/user"') if path in text]
        for name, program in ladder().items()
        for text in [(program.folder / "main.go").read_text()]
    }
    assert imports == {
        "hello": [],
        "net": ['"net"'],
        "os/user": ['"os/user"'],
        "net and os/user": ['"net"', '"os/user"'],
        "C of its own": [],
    }


def test_the_c_half_obeys_nsswitch_and_the_go_half_does_not(current_go: Toolchain) -> None:
    if reason := emptyroot.impossible():
        pytest.skip(reason)
    rows = ask(builds(find_program("lookup"), current_go), current_go.release)
    assert all(row.host for row in rows)
    orders = {(row.sources, row.switch): row.order for row in rows}
    assert {order for (sources, _), order in orders.items() if sources == "files"} == {"files"}
    c_users, c_hosts = ("default", "netgo"), ("default", "osusergo")
    for row in rows:
        asks_c = row.sources == "a database" and row.switch in c_users
        assert row.user != asks_c, row
        if row.sources == "a database":
            assert (row.order == "cgo") == (row.switch in c_hosts)


def test_what_does_not_build_is_said(tmp_path: Path, current_go: Toolchain) -> None:
    (tmp_path / "go.mod").write_text("module x\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
    with pytest.raises(LabError, match=r"does not build with default: .*undefined: nothing"):
        builds(find_program(tmp_path), current_go)


def test_lookup_says_how_it_is_used(current_go: Toolchain) -> None:
    path = builds(find_program("lookup"), current_go)["CGO_ENABLED=0"]
    done = subprocess.run([path, "one"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: lookup HOST USER\n"
