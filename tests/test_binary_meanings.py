"""Every section that really occurs is explained, and each in its own words."""

import sys
from pathlib import Path

import pytest

from labhelpers.binary.elf import open_elf
from labhelpers.binary.meanings import (
    BY_TYPE,
    KINDS,
    MEANINGS,
    UNKNOWN,
    Meaning,
    kind_of,
    meaning_of,
)
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.toolchain import toolchain

NO_MEANING = {UNKNOWN, *BY_TYPE.values()}


def sections(path: Path) -> list[tuple[str, str]]:
    with open_elf(path) as elf:
        return [(section.name, section.type) for section in elf.sections]


@pytest.mark.parametrize("go", ["current", "article"])
@pytest.mark.parametrize("config", ["default", "strip", "pie", "external", "static"])
@pytest.mark.parametrize("program", ["hello", "netuser"])
def test_every_section_of_a_go_program_has_a_meaning(go: str, config: str, program: str) -> None:
    binary = build(find_program(program), find_config(config), toolchain(go))
    if binary.path is None:
        pytest.skip(f"does not build here: {binary.error}")
    found = sections(binary.path)
    assert len(found) > 10
    unexplained = [name for name, type in found if meaning_of(name, type) in NO_MEANING]
    # glibc keeps a few sections of its own devising, named for its insides.
    assert [name for name in unexplained if not name.startswith("__libc_")] == []


def test_every_section_of_a_c_program_has_a_meaning() -> None:
    found = sections(Path(sys.executable).resolve())
    unexplained = {name for name, type in found if meaning_of(name, type) in NO_MEANING}
    assert unexplained <= {".PyRuntime"}


@pytest.mark.parametrize(
    ("name", "type", "like"),
    [
        (".data.rel.ro.gopclntab", "SHT_PROGBITS", ".gopclntab"),
        (".data.rel.ro.go.type", "SHT_PROGBITS", ".go.type"),
        (".zdebug_info", "SHT_PROGBITS", ".debug_info"),
        (".text.startup", "SHT_PROGBITS", ".text"),
        (".rodata.cst4", "SHT_PROGBITS", ".rodata"),
    ],
)
def test_a_section_kept_apart_means_the_same(name: str, type: str, like: str) -> None:
    assert meaning_of(name, type) == MEANINGS[like]
    assert kind_of(name) in (kind_of(like), "rest")


def test_what_nobody_knows_is_told_by_its_type() -> None:
    assert meaning_of("<b>", "SHT_NOTE") == BY_TYPE["SHT_NOTE"]
    assert meaning_of("\x1b[31m", "SHT_PROGBITS") == UNKNOWN
    assert "the linker will" in meaning_of(".rela.text", "SHT_RELA").holds
    assert meaning_of(".data.rel.ro" * 100_000 + ".x") == UNKNOWN
    assert meaning_of(".zdebug_" * 100_000).removed_by
    assert meaning_of(".", "") == UNKNOWN
    assert meaning_of("..", "") == UNKNOWN


def test_what_strip_takes_is_symbols_and_debug_data() -> None:
    def removed(name: str, meaning: Meaning) -> bool:
        return name in (".symtab", ".strtab", ".gdb_index") or name.startswith(".debug_")

    for name, meaning in MEANINGS.items():
        assert bool(meaning.removed_by) == removed(name, meaning), name
        assert (kind_of(name) in ("symbol table", "debug data")) == removed(name, meaning) or (
            name == ".gdb_index"
        ), name


def test_each_meaning_is_one_short_line() -> None:
    for name, meaning in MEANINGS.items():
        assert 0 < len(meaning.holds) <= 75, name
        assert "\n" not in meaning.sentence
        assert not meaning.holds.endswith("."), name


def test_kinds_are_known() -> None:
    assert {kind_of(name) for name in MEANINGS} == set(KINDS)
