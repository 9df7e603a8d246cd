from collections.abc import Iterator

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder, Step
from labhelpers.experiments.ldlines import (
    DIAGRAM_LIBC,
    complaints,
    gcc_line,
    ld_lines,
    libc_choices,
    libc_use,
    start_files,
)


@pytest.fixture(scope="module")
def work() -> Iterator[CFolder]:
    with CFolder("relocations") as folder:
        if reason := folder.no_ld():
            pytest.skip(reason)
        folder.lines("-O1 -c main.c", "-O1 -c twice.c")
        yield folder


def test_only_the_line_with_the_start_files_makes_a_program(work: CFolder) -> None:
    diagram, path, own = ld_lines(work)
    assert diagram.line.endswith(f"main.o twice.o {DIAGRAM_LIBC}")
    assert (path.linked, path.ran) == (False, False)
    assert "_start" in path.says
    assert (own.linked, own.ran) == (True, True)
    assert "crt1.o" in own.line
    assert "plugin" not in own.line


def test_start_files_are_what_the_user_did_not_name(work: CFolder) -> None:
    files = start_files(gcc_line(work))
    assert {"crt1.o", "crti.o", "crtn.o", "-lc", "-lgcc"} <= set(files)
    assert not {"main.o", "twice.o"} & set(files)


def test_the_folder_that_is_named_by_l_wins(work: CFolder) -> None:
    taken = {row.setting: row.taken for row in libc_choices(work)}
    assert taken["nothing"] == "the compiler's own"
    assert taken["-L"] == "ours"
    assert taken["LIBRARY_PATH, for a name that is nowhere else"] == "ours"
    # Twice gives the same: what is left from the first time is in nobody's way.
    assert {row.setting: row.taken for row in libc_choices(work)} == taken


def test_a_static_program_takes_some_of_the_archive(work: CFolder) -> None:
    use = libc_use(work)
    assert 0 < use.taken_members < use.archive_members
    assert use.program_bytes < use.archive_bytes
    assert use.program_bytes == work.size("app")


def test_complaints_are_short_and_said_once() -> None:
    errors = (
        "/usr/bin/ld: /a/b/libc.a(x.o): in function `f':\n"
        "(.text+0x1): undefined reference to `g'\n"
        "(.text+0x9): undefined reference to `g'\n"
        "/usr/bin/ld: cannot find /x/y/libz.a: No such file or directory\n"
    )
    assert complaints(Step("ld", 1, "", errors)) == (
        "undefined reference to `g'; cannot find libz.a: No such file or directory"
    )
    assert complaints(Step("ld", 0, "fine\n", "")) == ""


def test_objects_must_be_there() -> None:
    with CFolder("relocations") as empty:
        if reason := empty.no_ld():
            pytest.skip(reason)
        with pytest.raises(LabError, match=r"main\.o was not made"):
            ld_lines(empty)
