import mmap
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import file_on_disk

from labhelpers.binary.elf import open_elf
from labhelpers.errors import LabError
from labhelpers.experiments.stripped import LINKED, Stripped, make, section_groups
from labhelpers.programs import find_program
from labhelpers.startup import pagecache
from labhelpers.startup.pagemap import (
    ColdPages,
    cold_start,
    mapped_pages,
    not_to_be_seen,
    resident_pages,
    settled_pages,
    stretches,
    touch,
)
from labhelpers.toolchain import Toolchain

PAGES = 600


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return file_on_disk(tmp_path, PAGES)


@pytest.fixture
def pair(current_go: Toolchain) -> list[Stripped]:
    files = make(find_program("selfnames"), current_go, (LINKED[0], LINKED[3]))
    if reason := not_to_be_seen(files[0].path):
        pytest.skip(reason)
    return list(files)


def test_resident_pages_are_those_that_were_read(file: Path) -> None:
    pagecache.make_cold(file)
    assert not resident_pages(file).any()
    file.read_bytes()
    found = resident_pages(file)
    assert found.all()
    assert (len(found), int(found.sum())) == (PAGES, pagecache.resident(file)[0])


def test_one_byte_brings_one_page_or_all_that_is_read_ahead(file: Path) -> None:
    for page in (0, 300, PAGES - 1):
        alone = touch(file, page * mmap.PAGESIZE, mmap.MADV_RANDOM)
        # A file system may keep several pages as one.
        assert alone[page]
        assert alone.sum() < PAGES / 10
        usual = touch(file, page * mmap.PAGESIZE)
        assert usual[page]
        assert usual.sum() > alone.sum()


def test_settled_pages_do_not_change_what_is_there(file: Path) -> None:
    file.read_bytes()
    assert settled_pages(file).all()


def test_the_own_program_is_mapped() -> None:
    python = Path(sys.executable).resolve()
    assert mapped_pages(os.getpid(), python).any()


def test_a_file_that_nobody_maps(file: Path) -> None:
    assert not mapped_pages(os.getpid(), file).any()


def test_a_start_maps_no_page_of_dwarf_or_symbols(pair: list[Stripped]) -> None:
    for own in pair:
        seen = cold_start(own.path, "wait")
        assert len(seen.read) == -(-own.bytes // mmap.PAGESIZE)
        assert not (seen.mapped & ~seen.read).any()
        with open_elf(own.path) as elf:
            found = stretches(seen, section_groups(elf))
        assert sum(row.pages for row in found) == len(seen.read)
        mapped = {row.group for row in found if row.mapped}
        assert {"code", "line table"} <= mapped
        assert not mapped & {"DWARF", "symbols"}
    groups = {row.group for row in found}
    assert "DWARF" not in groups


def test_a_cold_start_leaves_no_process(pair: list[Stripped]) -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text()
    cold_start(pair[0].path, "wait")
    assert children.read_text() == before


def test_a_program_that_says_nothing(file: Path) -> None:
    file.write_text("#!/bin/sh\nexit 0\n")
    file.chmod(0o755)
    with pytest.raises(LabError, match="printed no line"):
        cold_start(file)


def test_stretches_join_pages_of_one_fate() -> None:
    seen = ColdPages(
        read=np.array([True, True, True, True, False]),
        mapped=np.array([True, True, False, False, False]),
    )
    size = mmap.PAGESIZE
    found = stretches(seen, [(64, size + 10, "code"), (size * 2, size, "DWARF")])
    assert [(row.group, row.start, row.pages, row.read, row.mapped) for row in found] == [
        ("code", 0, 2, True, True),
        ("DWARF", 2, 1, True, False),
        ("other", 3, 1, True, False),
        ("other", 4, 1, False, False),
    ]


def test_a_ram_disk_is_one_sentence(ram_disk: Path) -> None:
    copy = ram_disk / "program"
    copy.write_bytes(b"x" * mmap.PAGESIZE)
    assert "cannot be seen here" in str(not_to_be_seen(copy))
