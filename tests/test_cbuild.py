from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import NO_COMPILER, CFolder, archive_members
from labhelpers.toolchain import Toolchain


@pytest.fixture
def work(current_go: Toolchain) -> Iterator[CFolder]:
    with CFolder("relocations", current_go) as folder:
        if folder.impossible:
            pytest.skip(folder.impossible)
        yield folder


def test_a_program_is_compiled_linked_and_run(work: CFolder) -> None:
    steps = work.lines("-O1 -c main.c", "-O1 -c twice.c", "-static -o app main.o twice.o -lc")
    assert [step.exit_status for step in steps] == [0, 0, 0]
    assert work.run("./app").output == "42\n"
    assert work.size("app") > work.size("main.o")


def test_commands_and_messages_leave_out_the_folder(work: CFolder) -> None:
    (work.path / "bad.c").write_text("int main(void) { return nothing; }\n")
    step = work.cc("-c", str(work.path / "bad.c"))
    assert not step.ok
    assert step.command.endswith(" -c bad.c")
    assert "nothing" in step.text
    assert str(work.path) not in step.text
    assert step.first_line.startswith("bad.c:")


def test_variables_are_passed_on_and_shown(work: CFolder) -> None:
    step = work.run("sh", "-c", "echo $WORD; echo no >&2; exit 3", variables={"WORD": "yes"})
    assert (step.output, step.errors, step.exit_status) == ("yes\n", "no\n", 3)
    assert step.command.startswith("WORD=yes sh ")
    assert step.text == "no\nyes"


def test_the_folder_goes_with_its_object(current_go: Toolchain) -> None:
    with CFolder("relocations", current_go) as work:
        path = work.path
        assert (path / "main.c").is_file()
    assert not path.exists()


def test_what_is_wrong_is_said_in_a_sentence(current_go: Toolchain) -> None:
    with pytest.raises(LabError, match="no folder with C programs named 'hello'"):
        CFolder("hello", current_go)
    with CFolder("relocations", current_go) as work:
        with pytest.raises(LabError, match="app was not made"):
            work.file("app")
        with pytest.raises(LabError, match="could not be run"):
            work.run("./nothing")


def test_without_a_compiler_lines_do_nothing_and_say_why(current_go: Toolchain) -> None:
    with CFolder("relocations", replace(current_go, cc=None)) as work:
        assert work.impossible == NO_COMPILER == work.no_ld()
        assert work.lines("-c main.c") == []
        assert work.libc_archive is None
        with pytest.raises(LabError, match="no C compiler"):
            work.cc("-c", "main.c")


def test_a_compiler_that_cannot_link_is_found_out(current_go: Toolchain, tmp_path: Path) -> None:
    if current_go.cc is None:
        pytest.skip("no C compiler")
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'cannot find -lc' >&2\nexit 1\n")
    broken.chmod(0o755)
    compiler = replace(current_go.cc, command=(str(broken),), source="$CC")
    with CFolder("relocations", replace(current_go, cc=compiler)) as work:
        assert "cannot link (cannot find -lc)" in str(work.impossible)


def test_members_of_an_archive(tmp_path: Path) -> None:
    def member(name: str, content: bytes) -> bytes:
        head = f"{name:16}{0:<12}{0:<6}{0:<6}{644:<8}{len(content):<10}`\n".encode()
        return head + content + b"\n" * (len(content) % 2)

    archive = tmp_path / "lib.a"
    archive.write_bytes(
        b"!<arch>\n"
        + member("/", b"12345")
        + member("//", b"a_very_long_name.o/\n")
        + member("one.o/", b"odd")
        + member("/0", b"even")
    )
    assert archive_members(archive) == 2
    archive.write_bytes(b"\x7fELF")
    with pytest.raises(LabError, match="is no archive"):
        archive_members(archive)
