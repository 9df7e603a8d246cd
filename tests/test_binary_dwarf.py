import random
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from labhelpers.binary.dwarf import (
    C_PACKAGE,
    TYPES_PACKAGE,
    Dwarf,
    apportion,
    dwarf_by_package,
    read_dwarf,
)
from labhelpers.binary.elf import Section, open_elf
from labhelpers.build import BuildConfig, build
from labhelpers.ccompiler import _ziglang
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain, toolchain


def read(path: Path) -> tuple[Dwarf | None, list[str]]:
    with open_elf(path) as elf:
        return read_dwarf(elf), elf.notes


def sure(path: Path) -> Dwarf:
    found, notes = read(path)
    assert found
    assert not notes
    return found


def debug_bytes(path: Path) -> int:
    with open_elf(path) as elf:
        return sum(s.file_size for s in elf.sections if s.name.startswith((".debug_", ".zdebug_")))


def by_pyelftools(path: Path) -> list[tuple[str, str, int, int]]:
    """Return name, producer, version and size of each unit."""
    found = []
    with path.open("rb") as stream:
        for unit in ELFFile(stream).get_dwarf_info().iter_CUs():
            attributes = unit.get_top_DIE().attributes
            texts = [attributes[f"DW_AT_{name}"].value.decode() for name in ("name", "producer")]
            found.append((texts[0], texts[1], unit.header.version, unit.size))
    return found


def ours(dwarf: Dwarf) -> list[tuple[str, str, int, int]]:
    return [(unit.name, unit.producer, unit.version, unit.bytes) for unit in dwarf.units]


def built(config: BuildConfig, go: Toolchain) -> Path:
    binary = build(find_program("hello"), config, go)
    assert binary.path, binary.log
    return binary.path


@pytest.fixture
def hello(current_go: Toolchain) -> Path:
    return built(find_config("trim"), current_go)


def changed_by(tmp_path: Path, path: Path, *command: str) -> Path:
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]}")
    copy = tmp_path / "copy"
    subprocess.run([*command, str(path), str(copy)], check=True, capture_output=True)
    return copy


@pytest.mark.parametrize(("release", "version"), [("current", 5), ("article", 4)])
@pytest.mark.parametrize("config", ["trim", "external", "pie"])
def test_units_are_those_that_pyelftools_reads(release: str, version: int, config: str) -> None:
    go = toolchain(release)
    if config == "external" and go.cc is None:
        pytest.skip("there is no C compiler")
    path = built(find_config(config), go)
    dwarf = sure(path)
    assert ours(dwarf) == by_pyelftools(path)
    assert dwarf.version == version
    assert dwarf.file_bytes == debug_bytes(path)
    by_zig = config == "external" and go.cc is not None and go.cc.kind == "zig"
    assert dwarf.format == ("none" if by_zig else "SHF_COMPRESSED")
    packages = {unit.package for unit in dwarf.units}
    assert {"main", "fmt", "runtime", "internal/cpu"} <= packages
    assert (C_PACKAGE in packages) == (config == "external")


def test_zig_as_the_external_linker_leaves_dwarf_as_it_is(current_go: Toolchain) -> None:
    if (zig := _ziglang()) is None:
        pytest.skip("the wheel ziglang is not installed")
    path = built(find_config("external"), replace(current_go, cc=zig))
    dwarf = sure(path)
    assert ours(dwarf) == by_pyelftools(path)
    assert (dwarf.format, dwarf.compressed) == ("none", False)
    assert dwarf.full_bytes == dwarf.file_bytes


def test_names_by_index_as_clang_writes_them(current_go: Toolchain, tmp_path: Path) -> None:
    if (zig := _ziglang()) is None:
        pytest.skip("the wheel ziglang is not installed")
    (tmp_path / "c.c").write_text("int main(void) { return 0; }\n")
    path = tmp_path / "c"
    argv = [*zig.command, "-g", "-gdwarf-5", "-shared", "-nostdlib", "-o", str(path), "c.c"]
    environment = replace(current_go, cc=zig).environment()
    subprocess.run(argv, cwd=tmp_path, env=environment, check=True, capture_output=True)
    dwarf = sure(path)
    assert ours(dwarf) == by_pyelftools(path)
    assert "c.c" in {unit.name for unit in dwarf.units}
    assert {unit.package for unit in dwarf.units} == {C_PACKAGE}


@pytest.mark.parametrize("config", ["default", "trim"])
def test_shares_of_packages_sum_to_the_debug_sections(current_go: Toolchain, config: str) -> None:
    path = built(find_config(config), current_go)
    dwarf = sure(path)
    with open_elf(path) as elf:
        shares = dwarf_by_package(elf, dwarf)
        assert sum(shares.values()) == debug_bytes(path)
        assert sum(dwarf_by_package(elf, dwarf, total=12_345).values()) == 12_345
    assert all(share >= 0 for share in shares.values())
    assert shares["runtime"] == max(shares.values())  # the most code of a small program


def test_types_of_all_packages_are_not_counted_to_the_runtime(current_go: Toolchain) -> None:
    # What the linker gathers for the whole program grows with it, the runtime's code does not.
    small = built(find_config("trim"), current_go)
    binary = build(find_program("httpd"), find_config("trim"), current_go)
    assert binary.path
    shares = []
    for path in (small, binary.path):
        dwarf = sure(path)
        assert [unit.package for unit in dwarf.units].count(TYPES_PACKAGE) == 1
        with open_elf(path) as elf:
            shares.append(dwarf_by_package(elf, dwarf))
    assert shares[1][TYPES_PACKAGE] > 2 * shares[0][TYPES_PACKAGE]
    assert shares[1]["runtime"] < 1.5 * shares[0]["runtime"]


def test_all_ways_of_compression_tell_the_same(hello: Path, tmp_path: Path) -> None:
    original = sure(hello)
    for how, words, expected in [
        ("--decompress-debug-sections", "none", False),
        ("--compress-debug-sections=zlib-gnu", ".zdebug", True),
        ("--compress-debug-sections=zlib-gabi", "SHF_COMPRESSED", True),
    ]:
        path = changed_by(tmp_path, hello, "objcopy", how)
        dwarf = sure(path)
        assert (dwarf.format, dwarf.compressed) == (words, expected)
        assert ours(dwarf) == ours(original)
        assert dwarf.full_bytes == original.full_bytes
        assert sum(unit.file_bytes for unit in dwarf.units) == debug_bytes(path)


def test_none_without_dwarf(current_go: Toolchain) -> None:
    assert read(built(find_config("strip+trim"), current_go)) == (None, [])


def section_of(path: Path, name: str) -> Section:
    with open_elf(path) as elf:
        section = elf.section(name)
    assert section
    return section


def patched(path: Path, tmp_path: Path, offset: int, content: bytes) -> Path:
    broken = tmp_path / "broken"
    whole = bytearray(path.read_bytes())
    whole[offset : offset + len(content)] = content
    broken.write_bytes(whole)
    return broken


def test_a_claim_of_100_gigabytes_is_not_believed(hello: Path, tmp_path: Path) -> None:
    info = section_of(hello, ".debug_info")
    claim = (100 << 30).to_bytes(8, "little")
    found, notes = read(patched(hello, tmp_path, info.offset + 8, claim))
    assert found is None
    assert any("claims 107,374,182,400 bytes" in note for note in notes)


def test_what_grows_a_thousandfold_is_read_in_pieces(hello: Path, tmp_path: Path) -> None:
    import tracemalloc

    info = section_of(hello, ".debug_info")
    size = 100 << 20
    bomb = zlib.compress(b"\xf4\xff\xff\x01" + b"\x05\0\x01\x08" + bytes(size - 8), 9)
    assert len(bomb) + 24 <= info.size
    header = (1).to_bytes(8, "little") + size.to_bytes(8, "little") + (1).to_bytes(8, "little")
    broken = patched(hello, tmp_path, info.offset, header + bomb)
    tracemalloc.start()
    read(broken)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 << 20


@pytest.mark.parametrize("name", [".debug_abbrev", ".debug_info", ".debug_line"])
def test_damaged_compressed_data_are_said(hello: Path, tmp_path: Path, name: str) -> None:
    section = section_of(hello, name)
    garbage = bytes(section.size - 24)
    found, notes = read(patched(hello, tmp_path, section.offset + 24, garbage))
    if name == ".debug_line":  # only its size is needed
        assert found
        assert not notes
    else:
        assert any(name in note for note in notes)


def test_a_unit_that_claims_too_much_ends_the_list(hello: Path, tmp_path: Path) -> None:
    plain = changed_by(tmp_path, hello, "objcopy", "--decompress-debug-sections")
    info = section_of(plain, ".debug_info")
    with open_elf(plain) as elf:
        first = int.from_bytes(elf.read(info.offset, 4), "little") + 4
    second = info.offset + first
    found, notes = read(patched(plain, tmp_path, second, b"\xff\xff\xff\x7f"))
    assert found
    assert len(found.units) == 2
    assert sum(unit.file_bytes for unit in found.units) == found.file_bytes
    assert any("claims more bytes than there are" in note for note in notes)


def test_whatever_is_flipped_gives_a_result_or_a_note(hello: Path, tmp_path: Path) -> None:
    plain = changed_by(tmp_path, hello, "objcopy", "--decompress-debug-sections")
    chance = random.Random(3)
    with open_elf(plain) as elf:
        places = [s for s in elf.sections if s.name in (".debug_info", ".debug_abbrev")]
    whole = plain.read_bytes()
    broken = tmp_path / "broken"
    for _ in range(60):
        content = bytearray(whole)
        for place in places:
            for _ in range(20):
                at = place.offset + chance.randrange(min(place.size, 20_000))
                content[at] = chance.choice([0, 0xFF, 0x80, chance.randrange(256)])
        broken.write_bytes(content)
        found, notes = read(broken)
        assert found or notes
        if found:
            assert sum(unit.file_bytes for unit in found.units) == found.file_bytes


@given(st.integers(0, 1 << 40), st.lists(st.integers(0, 1 << 40), min_size=1, max_size=50))
def test_shares_are_exact_and_fair(total: int, weights: list[int]) -> None:
    shares = apportion(total, weights)
    assert sum(shares) == total
    whole = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        if whole:
            assert total * weight // whole <= share <= total * weight // whole + 1
