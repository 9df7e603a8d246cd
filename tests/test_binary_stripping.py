import shutil
import subprocess
from pathlib import Path

import pytest

from labhelpers.binary.buildinfo import read_buildinfo
from labhelpers.binary.elf import open_elf
from labhelpers.binary.linking import Linking, read_linking
from labhelpers.binary.symbols import read_symbols
from labhelpers.build import BuildConfig, build
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain, toolchain


def linking(path: Path) -> Linking:
    with open_elf(path) as elf:
        return read_linking(elf, read_buildinfo(elf), read_symbols(elf))


def built(ldflags: str, linkmode: str, go: Toolchain, trimpath: bool = True) -> Path:
    if linkmode == "external" and (go.cc is None or go.cc.source == "ziglang"):
        pytest.skip("what gcc leaves out for -s and -w is tried with gcc or clang")
    config = BuildConfig(ldflags=ldflags, linkmode=linkmode, trimpath=trimpath)
    binary = build(find_program("hello"), config, go)
    assert binary.path, binary.log
    return binary.path


def changed_by(tmp_path: Path, path: Path, *command: str) -> Path:
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]}")
    copy = tmp_path / "copy"
    shutil.copy(path, copy)
    subprocess.run([*command, str(copy)], check=True, capture_output=True)
    return copy


@pytest.mark.parametrize("release", ["current", "article"])
@pytest.mark.parametrize(
    ("linkmode", "ldflags", "word"),
    [
        ("", "", "no"),
        ("", "-w", "-w"),
        ("", "-s", "-s -w"),
        ("", "-s -w", "-s -w"),
        ("", "-s -w=0", "-s -w=0"),
        ("external", "", "no"),
        ("external", "-w", "-w"),
        ("external", "-s", "-s -w or strip"),
        ("external", "-s -w", "-s -w or strip"),
    ],
)
def test_says_what_the_linker_left_out(
    release: str, linkmode: str, ldflags: str, word: str
) -> None:
    found = linking(built(ldflags, linkmode, toolchain(release)))
    assert found.stripped == word
    rows = {row.fact: row.value for row in found.evidence}
    assert (rows["symbol table"] == "there") == ("-s" not in ldflags)
    goes = "-w" in ldflags.split() or "-s" in ldflags.split()
    assert (rows["DWARF"] == "there") == (not goes or "-w=0" in ldflags)


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (("strip",), "strip"),
        (("strip", "--strip-unneeded"), "strip"),
        (("objcopy", "--strip-all"), "strip"),
        (("strip", "-g"), "strip -g"),
        (("objcopy", "--strip-debug"), "strip -g"),
        (("objcopy",), "no"),
        (("objcopy", "--only-keep-debug"), "all but symbols and DWARF"),
    ],
)
def test_says_what_a_tool_took_out_afterwards(
    current_go: Toolchain, tmp_path: Path, command: tuple[str, ...], word: str
) -> None:
    found = linking(changed_by(tmp_path, built("", "", current_go), *command))
    assert found.stripped == word
    assert found.mode == "internal"
    if command == ("objcopy",):
        assert any("wrote the file anew" in sentence for sentence in found.sentences)


def test_tells_strip_from_the_switch_where_it_can_be_told(
    current_go: Toolchain, tmp_path: Path
) -> None:
    full, switched = built("", "external", current_go), built("-w", "external", current_go)
    assert linking(changed_by(tmp_path, full, "strip", "-g")).stripped == "strip -g"
    assert linking(switched).stripped == "-w"
    # Of a C linker's file, -s and strip leave the same, and so nobody can tell them apart.
    by_switch = built("-s", "external", current_go)
    by_tool = changed_by(tmp_path, full, "strip")
    assert by_tool.stat().st_size == by_switch.stat().st_size
    assert linking(by_tool).stripped == linking(by_switch).stripped == "-s -w or strip"


def test_names_the_file_that_holds_the_dwarf(current_go: Toolchain, tmp_path: Path) -> None:
    link = f"--add-gnu-debuglink={built('', '', current_go)}"
    path = changed_by(tmp_path, built("-w", "", current_go), "objcopy", link)
    assert any(".gnu_debuglink" in sentence for sentence in linking(path).sentences)


def test_quotes_what_the_build_says_of_itself(current_go: Toolchain) -> None:
    found = linking(built("-s -w", "", current_go, trimpath=False))
    assert "Its build information says -s -w." in found.sentences


def test_no_word_where_there_are_no_section_headers(current_go: Toolchain, tmp_path: Path) -> None:
    content = bytearray(built("", "", current_go).read_bytes())
    content[40:48] = bytes(8)  # e_shoff
    content[60:64] = bytes(4)  # e_shnum, e_shstrndx
    bare = tmp_path / "bare"
    bare.write_bytes(content)
    found = linking(bare)
    assert found.stripped == "section headers removed"
    assert found.mode == "internal"


def test_what_remains_of_a_stripped_go_program_is_explained(current_go: Toolchain) -> None:
    sentences = " ".join(linking(built("-s -w", "", current_go)).sentences)
    assert ".gopclntab" in sentences
    assert "nm" in sentences
