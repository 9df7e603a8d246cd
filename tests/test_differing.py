from collections.abc import Iterator
from pathlib import Path

import pytest

from labhelpers.binary.elf import BinaryError
from labhelpers.experiments.differing import (
    OUTSIDE,
    contents,
    differences,
    find,
    masks,
    section_names,
)
from labhelpers.experiments.reproducible import FOLDERS, WAYS, Workshop
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain


@pytest.fixture(scope="module")
def shop(current_go: Toolchain) -> Iterator[Workshop]:
    with Workshop(find_program("hello"), current_go) as own:
        yield own


def pair(shop: Workshop, way: str) -> list[Path]:
    return [shop.build(WAYS[way], folder).path for folder in FOLDERS]


def test_two_folders_differ_in_names_of_files_and_in_the_build_id(shop: Workshop) -> None:
    rows = differences(*pair(shop, "default"), masks(a=shop.root / "first", b=shop.root / "other"))
    found = {row.section: row for row in rows}
    assert set(found) == {".gopclntab", ".debug_line", ".note.go.buildid", ".note.gnu.build-id"}
    table = found[".gopclntab"]
    assert (table.place, table.bytes) == ("filetab", len("first"))
    assert (table.first, table.second) == ("<a>/main.go", "<b>/main.go")


def test_stripped_files_still_hold_the_folder(shop: Workshop) -> None:
    first, other = pair(shop, "-s -w")
    assert ".gopclntab" in [row.section for row in differences(first, other)]
    folder = {"folder": str(shop.folder("first"))}
    assert [(row.section, row.times) for row in find(first, folder)] == [(".gopclntab", 1)]
    assert find(other, folder) == []


def test_equal_files_have_no_difference(shop: Workshop) -> None:
    assert differences(*pair(shop, "-trimpath")) == []


def test_inflated_sections_are_searched(shop: Workshop) -> None:
    file = shop.build(WAYS["default"]).path
    goroot = str(shop.toolchain.goroot)
    assert ".debug_line" in [row.section for row in find(file, {"go": goroot})]
    # In the file itself the section is compressed, and the folder's name is not to be seen there.
    assert file.read_bytes().count(goroot.encode()) < sum(
        row.times for row in find(file, {"go": goroot})
    )
    trimmed = shop.build(WAYS["-trimpath"]).path
    assert find(trimmed, {"go": goroot, "source": str(shop.root)}) == []


def test_a_changed_byte_is_found_where_it_is(shop: Workshop, tmp_path: Path) -> None:
    file = shop.build(WAYS["-trimpath"]).path
    content = bytearray(file.read_bytes())
    message = content.index(b"all goroutines are asleep")
    content[message] ^= 0x20
    content[8] ^= 0x01  # padding of the header
    changed = tmp_path / "changed"
    changed.write_bytes(content)
    rows = {row.section: row for row in differences(file, changed)}
    assert set(rows) == {".rodata", OUTSIDE}
    assert rows[".rodata"].bytes == rows[OUTSIDE].bytes == 1
    assert "all goroutines" in rows[".rodata"].first
    assert "All goroutines" in rows[".rodata"].second


def test_a_changed_instruction_is_found_in_its_function(shop: Workshop, tmp_path: Path) -> None:
    from labhelpers.binary.elf import open_elf
    from labhelpers.binary.symbols import read_symbols

    file = shop.build(WAYS["-trimpath"]).path
    with open_elf(file) as elf:
        symbols = read_symbols(elf)
        assert symbols
        at = elf.offset_of(symbols.find("main.main") or 0)
    assert at
    content = bytearray(file.read_bytes())
    content[at + 1] ^= 0xFF
    changed = tmp_path / "changed"
    changed.write_bytes(content)
    (row,) = differences(file, changed)
    assert (row.section, row.place, row.bytes) == (".text", "main.main", 1)


def test_sections_of_two_sizes_have_no_count(shop: Workshop) -> None:
    ways = (shop.build(WAYS[name]).path for name in ("default", "-s -w"))
    rows = {row.section: row for row in differences(*ways)}
    assert rows[".symtab"].bytes is None
    assert OUTSIDE not in rows
    assert (
        contents(shop.build(WAYS["-s -w"]).path).keys() < contents(pair(shop, "default")[0]).keys()
    )


def test_sections_by_prefix(shop: Workshop) -> None:
    names = section_names(shop.build(WAYS["default"]).path, ".symtab", ".debug_")
    assert ".symtab" in names
    assert ".debug_line" in names
    assert section_names(shop.build(WAYS["-s -w"]).path, ".symtab", ".debug_") == []


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("no program")
    with pytest.raises(BinaryError, match="no ELF file"):
        contents(file)
