"""What cgo writes, and what each -trimpath does: real builds of the program callback."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import NO_COMPILER
from labhelpers.experiments.cgoexport import (
    SWITCHES,
    ExportFolder,
    Tried,
    header_of,
    impossible,
    in_releases,
    never_built,
    repeats,
    trace,
    trimpath_values,
    try_switches,
)
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain, toolchain


@pytest.fixture(autouse=True)
def _compiler(current_go: Toolchain) -> None:
    if reason := impossible(current_go):
        pytest.skip(reason)


@pytest.fixture(scope="module")
def tried(current_go: Toolchain) -> dict[str, Tried]:
    return {row.switch: row for row in try_switches(current_go)}


@pytest.fixture
def folder(current_go: Toolchain) -> Iterator[ExportFolder]:
    made = ExportFolder(current_go)
    yield made
    made.close()


def test_every_switch_builds_the_same_header(tried: dict[str, Tried]) -> None:
    assert list(tried) == list(SWITCHES)
    for row in tried.values():
        assert (row.error, row.prints, row.header_same, row.header_paths) == ("", "42", True, 0)
        assert '"walk.h"' in row.includes
        assert row.header_first
        assert not row.cgo_told


def test_the_last_value_of_trimpath_decides_what_the_file_names(tried: dict[str, Tried]) -> None:
    assert tried["none"].compiler_told == "$WORK/b001=>"
    assert tried["-gcflags=-trimpath="].compiler_told == "$WORK/b001=> then (empty)"
    named = {name: (row.names_sources, row.names_temporary) for name, row in tried.items()}
    assert named == {
        "none": (True, False),
        "-trimpath": (False, False),
        "-gcflags=-trimpath": (True, True),
        "-gcflags=-trimpath=": (True, True),
        "both": (True, True),
    }


def test_traces_have_the_same_functions_and_other_files(tried: dict[str, Tried]) -> None:
    assert {row.functions for row in tried.values()} == {
        "main.goCallback main._Cfunc_walk main.main"
    }
    assert tried["none"].files.split()[0] == "$SOURCES/main.go"
    assert tried["-trimpath"].files.split()[0] == "golab/callback/main.go"
    assert tried["both"].files.split()[1] == "$WORK/b001/_cgo_gotypes.go"


def test_no_row_names_a_folder_of_this_machine(tried: dict[str, Tried]) -> None:
    for row in tried.values():
        assert not re.search(r"/(root|home|tmp|Users)/", str(row))


def test_only_the_build_without_a_trimpath_differs_the_second_time(current_go: Toolchain) -> None:
    assert repeats(current_go)
    assert not repeats(current_go, *SWITCHES["-gcflags=-trimpath="])


def test_a_build_that_fails_repeats_nothing(current_go: Toolchain) -> None:
    assert not repeats(current_go, "-gcflags=-no-such-flag")


def test_the_header_declares_the_exported_function(current_go: Toolchain) -> None:
    text = header_of(current_go, "-trimpath")
    assert "extern int goCallback(int number);" in text
    assert '#line 6 "main.go"\n #include "walk.h"' in text


def test_the_comment_that_keeps_a_build_out_of_the_cache(folder: ExportFolder) -> None:
    header = folder.path / "walk.h"
    texts = []
    for _ in range(2):
        never_built(folder)
        texts.append(header.read_text())
    assert texts[0] != texts[1]
    assert len(texts[0]) == len(texts[1])
    assert texts[0].splitlines()[:-1] == texts[1].splitlines()[:-1]


def test_a_source_that_does_not_compile(folder: ExportFolder) -> None:
    (folder.path / "walk.c").write_text("int walk(int last) { return nothing; }\n")
    step, work = folder.build_watched()
    assert not step.ok
    assert "nothing" in step.text
    assert str(folder.path) not in step.text
    assert (work / "_cgo_export.h").is_file()


def test_words_that_go_does_not_know_leave_no_folder_to_look_at(folder: ExportFolder) -> None:
    with pytest.raises(LabError, match="named no folder"):
        folder.build_watched("-no-such-flag")


def test_both_folders_go(current_go: Toolchain) -> None:
    made = ExportFolder(current_go)
    made.build("version")
    made.close()
    assert not made.path.exists()
    assert not Path(made.temporary).exists()


def test_a_program_that_does_not_panic_has_no_trace(folder: ExportFolder) -> None:
    text = (folder.path / "main.go").read_text()
    (folder.path / "main.go").write_text(text.replace('panic("called back from C")', "return 1"))
    folder.build_watched()
    assert trace(folder) == []


def test_values_are_read_as_the_compiler_reads_them() -> None:
    line = '/x/compile -o a -trimpath "$WORK/b001=>" -p main -trimpath= -trimpath -c=4 -pack'
    assert trimpath_values(line) == ["$WORK/b001=>", "(empty)", "-c=4"]
    assert trimpath_values("compile -trimpath") == [""]


def test_without_a_c_compiler_it_says_so(current_go: Toolchain) -> None:
    assert impossible(replace(current_go, cc=None)) == NO_COMPILER


def test_rows_come_in_the_order_of_the_releases() -> None:
    def ask(go: Toolchain) -> Table[Tried]:
        row = Tried(go.release, "", "", "", "", 0, True, "", False, True, True, True, "", "")
        return Table([row])

    releases = [toolchain("article"), toolchain("current")]
    assert [row["go"] for row in in_releases(ask, releases)] == [go.release for go in releases]
