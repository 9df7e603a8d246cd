import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from labhelpers.binary.elf import BinaryError, open_elf
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.patches import RELATIVE, TYPES, impossible, patches, symbols, text_bytes
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="formulas are x86-64's")


@pytest.fixture(scope="module")
def work() -> Iterator[CFolder]:
    with CFolder("relocations") as folder:
        if folder.impossible:
            pytest.skip(folder.impossible)
        # Zig makes nothing but position-independent code for glibc.
        fixed = "" if folder.go.cc and folder.go.cc.kind == "zig" else "-fno-pic -fno-pie "
        steps = folder.lines(
            "-O1 -c main.c",
            "-O1 -c twice.c",
            f"-O1 {fixed}-c main.c -o fixed.o",
            "-static -o app main.o twice.o",
            "-o dynamic main.o twice.o",
            "-static -o fixed fixed.o twice.o",
        )
        assert [step.text for step in steps if not step.ok] == []
        yield folder


@pytest.mark.parametrize(("object_file", "linked"), [("main.o", "app"), ("fixed.o", "fixed")])
def test_the_formula_gives_what_a_static_file_holds(
    object_file: str, linked: str, work: CFolder
) -> None:
    rows = patches(work.file(object_file), work.file(linked))
    computed = {row.symbol for row in rows if row.computed is not None}
    assert computed == {"answer", "twice", "printf"}
    assert {row.equal for row in rows if row.computed is not None} == {True}
    assert {row.leads_to for row in rows if row.computed is not None} == computed


def test_in_a_dynamic_file_the_library_is_reached_by_a_stub(work: CFolder) -> None:
    rows = {row.symbol: row for row in patches(work.file("main.o"), work.file("dynamic"))}
    assert rows["twice"].equal
    assert (rows["printf"].computed, rows["printf"].equal) == (None, None)
    assert rows["printf"].leads_to.startswith(".plt")


def test_a_text_has_no_symbol_and_is_found_all_the_same(work: CFolder) -> None:
    texts = [row for row in patches(work.file("main.o"), work.file("app")) if row.computed is None]
    assert [row.leads_to for row in texts] == [".rodata: '%d\\n'"]


def test_only_the_gaps_differ(work: CFolder) -> None:
    for linked in ("app", "dynamic"):
        rows = patches(work.file("main.o"), work.file(linked))
        before, after = text_bytes(work.file("main.o"), work.file(linked))
        gaps = {row.offset + inside for row in rows for inside in range(4)}
        # Where the object asks for a slot of the GOT, the linker also turns mov into lea: the
        # byte two before the gap (System V ABI, AMD64 supplement, B.2).
        relaxed = {row.offset - 2 for row in rows if "GOTPC" in row.type}
        differ = {at for at, pair in enumerate(zip(before, after, strict=True)) if len({*pair}) > 1}
        assert differ <= gaps | relaxed
        for row in rows:
            assert row.after == after[row.offset : row.offset + 4].hex(" ")


def test_every_row_names_a_known_formula(work: CFolder) -> None:
    known = {name: formula for name, formula, _ in TYPES.values()}
    for row in patches(work.file("fixed.o"), work.file("fixed")):
        assert known[row.type] == row.formula
        if row.formula == RELATIVE and row.s is not None:
            assert row.found == row.s + row.a - row.p


def test_rows_agree_with_readelf(work: CFolder) -> None:
    if not shutil.which("readelf"):
        pytest.skip("no readelf")
    said = subprocess.run(
        ["readelf", "-rW", str(work.file("main.o"))], capture_output=True, text=True, check=True
    ).stdout
    table = said.partition("'.rela.text'")[2].partition("\nRelocation section")[0]
    expected = [
        (int(words[0], 16), words[2], words[4])
        for words in map(str.split, table.splitlines())
        if len(words) == 7 and words[2].startswith("R_")
    ]
    rows = patches(work.file("main.o"), work.file("app"))
    assert [(row.offset, row.type, row.symbol) for row in rows] == expected


def test_symbols_say_what_is_open(work: CFolder) -> None:
    rows = {row.name: row for row in symbols(work.file("main.o"))}
    assert {name for name, row in rows.items() if not row.section} == {"twice", "printf"}
    assert (rows["main"].kind, rows["main"].section) == ("function", ".text")
    assert (rows["answer"].kind, rows["answer"].size) == ("object", 4)


def test_wrong_files_give_a_typed_error(
    work: CFolder, current_go: Toolchain, tmp_path: Path
) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    with pytest.raises(BinaryError, match="no ELF file"):
        patches(text, work.file("app"))
    with pytest.raises(BinaryError, match="no function main that is in"):
        patches(work.file("twice.o"), work.file("app"))
    stripped = build(find_program("hello"), find_config("strip"), current_go).path
    assert stripped
    with pytest.raises(BinaryError, match="no symbol table"):
        patches(work.file("main.o"), stripped)


def test_another_processor_has_other_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert impossible() is None
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert "this machine is aarch64" in str(impossible())


def test_a_relocation_of_nothing_gives_a_typed_error(work: CFolder, tmp_path: Path) -> None:
    good = work.file("main.o").read_bytes()
    with open_elf(work.file("main.o")) as elf:
        rela = elf.section(".rela.text")
    assert rela
    for at in (rela.offset + 1, rela.offset + 15):  # the place, then the symbol's index
        damaged = tmp_path / "damaged.o"
        damaged.write_bytes(good[:at] + b"\x7f" + good[at + 1 :])
        with pytest.raises(BinaryError, match="a relocation names what is not there"):
            patches(damaged, work.file("app"))
