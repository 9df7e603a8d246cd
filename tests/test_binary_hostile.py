"""What labhelpers.binary does with files that are no Go program, or none any more.

Every file goes through fuzz/guard.py: a process of its own, with limits of memory and time, and
the checks that hold for any file (the ledger's sum, plain data that JSON takes).
"""

import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random

import pytest
from fuzz.guard import FIXED, Guard, Outcome
from fuzz.mutations import COMPRESSED, MUTATIONS, Damage, Layout, mutate, with_header, zeros
from hypothesis import given, settings
from hypothesis import strategies as st
from matrix.builds import foreign

from labhelpers.binary.anatomy import anatomy
from labhelpers.binary.elf import BinaryError
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain, toolchain

HUGE = (1 << 63) - 1
# Kept from fuzzing: each of these once gave an exception, or too much memory.
FOUND_COUNTS = (0x4024, 0x801A)
FOUND_ADDRESS = (1 << 64) - 8
TABLES = (
    *(".text", ".rodata", ".go.type", ".gopclntab", ".go.module", ".go.buildinfo", ".symtab"),
    *(".strtab", ".shstrtab", ".debug_abbrev", ".debug_info", ".note.go.buildid"),
)
"""The sections that something is read from."""


@pytest.fixture(scope="session")
def sound(current_go: Toolchain) -> Path:
    """Return a sound file."""
    path = build(find_program("empty"), find_config("default"), current_go).path
    assert path is not None
    return path


@pytest.fixture(scope="session")
def data(sound: Path) -> bytes:
    """Return its bytes."""
    return sound.read_bytes()


@pytest.fixture(scope="session")
def layout(data: bytes) -> Layout:
    """Return where its headers stand."""
    return Layout(data)


@pytest.fixture(scope="module")  # its process must not outlive these tests: others count them
def guard(sound: Path) -> Iterator[Guard]:
    """Return what runs the anatomy under limits."""
    with Guard(sound) as running:
        yield running


@pytest.fixture
def outcome(guard: Guard, tmp_path: Path) -> Callable[[bytes], Outcome]:
    """Return a function that writes bytes to a file and looks into it."""

    def look(content: bytes) -> Outcome:
        file = tmp_path / "file"
        file.write_bytes(content)
        return guard.run(file)

    return look


@cache
def gigabyte() -> bytes:
    """Return a zlib stream of 1 GB of zeros."""
    return zeros(1 << 30)


def changed(data: bytes, offset: int, value: bytes) -> bytes:
    """Return the bytes with some of them replaced."""
    return data[:offset] + value + data[offset + len(value) :]


def numbered(data: bytes, layout: Layout, field: str, value: int) -> bytes:
    """Return the bytes with one field of the ELF header set."""
    found = next(f for f in layout.header if f.name == f"e_{field}")
    return changed(data, found.offset, value.to_bytes(found.size, "little"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello\n", "no ELF file"),
        (b"\x7fELF", "damaged"),
        (b"#!/bin/sh\n", "script"),
        (b"MZ" + bytes(100), "Windows"),
        (b"\xcf\xfa\xed\xfe" + bytes(100), "macOS"),
        (b"!<arch>\n" + bytes(100), "archive"),
    ],
    ids=["empty", "text", "magic alone", "script", "PE", "Mach-O", "archive"],
)
def test_what_is_no_program_is_named(
    outcome: Callable[[bytes], Outcome], content: bytes, words: str
) -> None:
    found = outcome(content)
    assert found.kind == "error", found
    assert words in found.detail


def test_neither_folders_nor_pipes_nor_devices_are_read(guard: Guard, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, Path("/dev/zero"), Path("/dev/null"), tmp_path / "missing"):
        found = guard.run(path)
        assert found.kind == "error", (path, found)
        assert str(path) in found.detail


def test_no_section_headers(
    outcome: Callable[[bytes], Outcome], sound: Path, tmp_path: Path, data: bytes, layout: Layout
) -> None:
    without = numbered(numbered(data, layout, "shoff", 0), layout, "shnum", 0)
    assert outcome(without).kind == "result"
    (file := tmp_path / "without").write_bytes(without)
    found = anatomy(file)
    assert any("section headers" in note for note in found.notes)
    assert found.linking.interp == anatomy(sound).linking.interp


@pytest.mark.parametrize("field", ["shoff", "phoff", "shnum", "phnum", "shentsize", "phentsize"])
@pytest.mark.parametrize("value", [0, 1, *FOUND_COUNTS, 0x7FFF, HUGE])
def test_headers_that_lie(
    outcome: Callable[[bytes], Outcome], data: bytes, layout: Layout, field: str, value: int
) -> None:
    size = next(f.size for f in layout.header if f.name == f"e_{field}")
    found = outcome(numbered(data, layout, field, value % (1 << (8 * size))))
    assert found.good, found


@pytest.mark.parametrize("field", ["offset", "size", "addr", "link", "entsize", "name", "type"])
@pytest.mark.parametrize("value", [1, HUGE, FOUND_ADDRESS])
def test_sections_that_lie(
    outcome: Callable[[bytes], Outcome], data: bytes, layout: Layout, field: str, value: int
) -> None:
    for part in layout.named(*TABLES):
        at = next(f for f in layout.section_fields(part) if f.name.endswith(f" sh_{field}"))
        found = outcome(
            changed(data, at.offset, (value % (1 << 8 * at.size)).to_bytes(at.size, "little"))
        )
        assert found.good, (part.name, found)


def test_truncated_wherever_a_section_begins_or_ends(
    outcome: Callable[[bytes], Outcome], data: bytes, layout: Layout
) -> None:
    edges = {edge for part in layout.parts for edge in (part.offset, part.offset + part.size)}
    for edge in sorted({0, 1, 16, 63, 64, 65, len(data) - 1, *edges} - {len(data)}):
        found = outcome(data[:edge])
        assert found.good, (edge, found)


def test_nothing_but_an_elf_header_is_left(guard: Guard, tmp_path: Path) -> None:
    """Kept from fuzzing: a stripped file of the article's release, cut behind its header."""
    path = build(find_program("empty"), find_config("strip"), toolchain("article")).path
    assert path is not None
    file = tmp_path / "header"
    for size in range(64, 129, 8):
        file.write_bytes(path.read_bytes()[:size])
        found = guard.run(file)
        assert found.good, (size, found)


def test_a_truncated_file_says_what_is_missing(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "half"
    file.write_bytes(data[: len(data) // 2])
    found = anatomy(file)
    assert found.file_bytes == sum(leaf.file_bytes for leaf in found.ledger.leaves)
    assert any("truncated" in note for note in found.notes)


@pytest.mark.parametrize("start", [b"", b"\x7fELF"], ids=["zeros", "magic"])
def test_a_sparse_file_of_2_gb_without_headers(guard: Guard, tmp_path: Path, start: bytes) -> None:
    file = tmp_path / "sparse"
    file.write_bytes(start)
    os.truncate(file, 2 << 30)
    found = guard.run(file)
    assert found.kind == "error", found


def test_a_program_grown_to_2_gb(guard: Guard, tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "grown"
    file.write_bytes(data)
    os.truncate(file, 2 << 30)
    found = guard.run(file)
    assert found.good, found
    assert found.peak <= 3 * len(data) + FIXED, found


@pytest.mark.parametrize("name", [".gopclntab", ".symtab", ".strtab", ".debug_info", ".rodata"])
def test_a_table_grown_to_2_gb(
    guard: Guard, tmp_path: Path, data: bytes, layout: Layout, name: str
) -> None:
    (part,) = layout.named(name)
    fields = {f.name.rpartition("_")[2]: f for f in layout.section_fields(part)}
    for field, value in (("offset", len(data)), ("size", (2 << 30) - len(data))):
        data = changed(data, fields[field].offset, value.to_bytes(8, "little"))
    file = tmp_path / "grown"
    file.write_bytes(data)
    os.truncate(file, 2 << 30)
    found = guard.run(file)
    assert found.good, found


@pytest.mark.parametrize("claim", [100, 1 << 30, 100 << 30], ids=["100 B", "1 GB", "100 GB"])
@pytest.mark.parametrize("name", [".debug_info", ".debug_abbrev", ".debug_line"])
def test_zip_bombs(
    outcome: Callable[[bytes], Outcome], data: bytes, layout: Layout, name: str, claim: int
) -> None:
    (part,) = layout.named(name)
    bomb = with_header(layout, gigabyte(), claim)
    fields = {f.name.rpartition("_")[2]: f for f in layout.section_fields(part)}
    values = {"flags": part.flags | COMPRESSED, "offset": len(data), "size": len(bomb)}
    for field, value in values.items():
        data = changed(data, fields[field].offset, value.to_bytes(8, "little"))
    found = outcome(data + bomb)
    assert found.good, found


def test_a_claim_of_100_gb_before_an_honest_stream(
    outcome: Callable[[bytes], Outcome], data: bytes, layout: Layout
) -> None:
    for part in (part for part in layout.parts if part.flags & COMPRESSED):
        found = outcome(changed(data, part.offset + 8, struct.pack("<Q", 100 << 30)))
        assert found.good, (part.name, found)


@pytest.mark.parametrize("change", ["shrinks", "grows", "is written to"])
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """At any of the reads, the file is really changed just before it."""
    file = tmp_path / "changing"
    real = os.pread
    calls = 0
    change_at = 0

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        nonlocal calls
        calls += 1
        if calls == change_at:
            with file.open("r+b") as stream:
                if change == "shrinks":
                    stream.truncate(len(data) // 3)
                elif change == "grows":
                    stream.truncate(len(data) + 1)
                else:
                    stream.seek(len(data) // 2)
                    stream.write(bytes(100))
        return real(descriptor, size, offset)

    def look() -> None:
        nonlocal calls
        calls = 0
        file.write_bytes(data)
        os.utime(file, ns=(10**18, 10**18))
        anatomy(file)

    monkeypatch.setattr("labhelpers.binary.elf.os.pread", pread)
    look()
    whole = calls
    assert whole > 3
    for call in sorted({2, 3, whole // 4, whole // 2, 3 * whole // 4, whole - 1, whole}):
        change_at = call
        with pytest.raises(BinaryError, match="changed while it was read"):
            look()


@pytest.mark.parametrize("architecture", ["386", "s390x"])
def test_other_machines_are_read_or_refused(
    guard: Guard, tmp_path_factory: pytest.TempPathFactory, architecture: str
) -> None:
    file = foreign(architecture, tmp_path_factory.getbasetemp())
    found = guard.run(file)
    assert found.good, found


def test_a_c_program_gets_its_ledger(tmp_path: Path, current_go: Toolchain) -> None:
    if current_go.cc is None:
        pytest.skip("there is no C compiler")
    source = tmp_path / "small.c"
    source.write_text('#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n')
    file = tmp_path / "small"
    subprocess.run([*current_go.cc.command, "-g", "-o", file, source], check=True)
    found = anatomy(file)
    assert sum(leaf.file_bytes for leaf in found.ledger.leaves) == file.stat().st_size
    assert found.linking.mode == "not Go"
    assert found.linking.needed
    assert found.buildinfo is None
    assert found.functions is None


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.__name__)
def test_damage_of_each_kind_is_possible(
    data: bytes, layout: Layout, mutation: Callable[[Damage], None]
) -> None:
    """A mutation that no longer finds what it damages would test nothing."""
    results = set()
    for number in range(20):
        damage = Damage(bytearray(data), layout, Random(number), [])
        mutation(damage)
        results.add(bytes(damage.data) != data)
    assert results != {False} or mutation.__name__ in ("dynamic", "relocations")


def test_damaged_files_give_a_result_or_an_error(
    outcome: Callable[[bytes], Outcome], data: bytes, layout: Layout
) -> None:
    @settings(max_examples=40, deadline=None)
    @given(chance=st.randoms(use_true_random=False))
    def damage(chance: Random) -> None:
        damaged, done = mutate(data, layout, chance)
        found = outcome(damaged)
        assert found.good, (done, found)

    damage()
