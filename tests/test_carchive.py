"""Go in a C archive: what is in it, and C programs that are linked with it."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.carchive import (
    ARCHIVE,
    BY_HAND,
    ELSEWHERE,
    PLACES,
    Placed,
    archive_symbols,
    host_program,
    make_archive,
    replace_sources,
    said_first,
    try_archives,
    try_places,
)
from labhelpers.experiments.cbuild import Step
from labhelpers.experiments.cgoexport import ExportFolder, impossible
from labhelpers.toolchain import Toolchain


@pytest.fixture(autouse=True)
def _compiler(current_go: Toolchain) -> None:
    if reason := impossible(current_go):
        pytest.skip(reason)


@pytest.fixture
def folder(current_go: Toolchain) -> Iterator[ExportFolder]:
    made = ExportFolder(current_go)
    yield made
    made.close()


def test_what_an_export_comment_does_in_each_place(current_go: Toolchain) -> None:
    placed = {(row.text, row.place): row for row in try_places(current_go)}
    assert list(placed) == list(PLACES)

    def facts(row: Placed) -> tuple[bool, bool, bool]:
        return row.symbol, row.in_go, row.header

    in_c, go_file = 'comment above import "C"', "Go file"
    assert "found void" in placed["//export, C function", go_file].error
    assert "invalid #cgo line: #cgo export C" in placed["#cgo export C", in_c].error
    assert "wrong name" in placed["//export with a header's name", go_file].error
    assert facts(placed["//export, C function", in_c]) == (True, False, False)
    assert facts(placed["C function alone", in_c]) == (True, False, False)
    assert facts(placed["//export, Go function", go_file]) == (True, True, True)
    assert facts(placed["Go function alone", go_file]) == (False, False, False)
    assert all(row.builds == (row.error == "") for row in placed.values())


def test_a_c_program_needs_the_header_s_headers_or_none(current_go: Toolchain) -> None:
    rows = try_archives(current_go)
    assert {row.switch for row in rows} == {"none", "-trimpath"}
    for row in rows:
        assert row.exported
        assert row.own_header
        assert row.copied
        assert ("walk.h" in row.error) == (row.place == ELSEWHERE)
        assert row.prints == ("" if row.place == ELSEWHERE else "42 42")
    assert BY_HAND in {row.place for row in rows}


def test_both_programs_count_alike(current_go: Toolchain) -> None:
    with closing(host_program(current_go)) as made:
        assert made.run("./host").output == "42 42\n"
        assert made.run("./callback").output == "42\n"


def test_symbols_are_those_that_nm_shows(folder: ExportFolder) -> None:
    assert make_archive(folder).ok
    symbols = archive_symbols(folder.path / ARCHIVE)
    assert {"goCallback", "walk"} <= symbols
    if shutil.which("nm") is None:
        pytest.skip("no nm")
    said = subprocess.run(
        ["nm", "--print-armap", folder.path / ARCHIVE], capture_output=True, text=True, check=True
    ).stdout
    index = said.partition("Archive index:\n")[2].partition("\n\n")[0]
    assert symbols == {line.partition(" in ")[0] for line in index.splitlines()}


def test_an_archive_that_cannot_be_made_says_why(folder: ExportFolder) -> None:
    replace_sources(folder, {"main.go": "package main\n\nfunc main() {\n"})
    assert [path.name for path in folder.path.glob("*.*")].count("walk.c") == 0
    step = make_archive(folder)
    assert not step.ok
    assert "main.go" in said_first(step)


@pytest.mark.parametrize("content", [b"", b"!<arch>\n", b"!<arch>\nx.o/" + bytes(60)])
def test_what_is_no_archive_with_symbols(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "libgo.a"
    file.write_bytes(content)
    with pytest.raises(LabError, match="no archive with a table of symbols"):
        archive_symbols(file)


def test_a_step_that_says_nothing_is_told_by_its_status() -> None:
    assert said_first(Step("x", 3, "", "# heading\n")) == "exit status 3"
