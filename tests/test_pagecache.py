import mmap
import os
import time
from pathlib import Path

import pytest
from helpers import file_on_disk, open_files

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.machine import file_system
from labhelpers.programs import find_program
from labhelpers.startup import pagecache
from labhelpers.startup.measure import measure
from labhelpers.startup.rounds import Block, run_blocks
from labhelpers.startup.spawn import Command
from labhelpers.toolchain import Toolchain

PAGES = 50


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return file_on_disk(tmp_path, PAGES)


@pytest.fixture
def hello(tmp_path: Path, current_go: Toolchain) -> Path:
    """Return a copy of a real program that nobody else runs."""
    if file_system(tmp_path) == "tmpfs":
        pytest.skip("the temporary folder is a RAM disk")
    binary = build(find_program("hello"), find_config("default"), current_go)
    assert binary.path
    copy = tmp_path / "hello"
    copy.write_bytes(binary.path.read_bytes())
    copy.chmod(0o755)
    return copy


def test_a_file_that_was_just_written_is_resident(file: Path) -> None:
    assert pagecache.resident(file) == (PAGES, PAGES)


def test_drop_leaves_no_page_and_warm_brings_all_back(file: Path) -> None:
    assert pagecache.drop(file) == 0
    assert pagecache.resident(file) == (0, PAGES)
    pagecache.warm(file)
    assert pagecache.resident(file) == (PAGES, PAGES)


def test_one_byte_read_makes_one_page_or_more_resident(file: Path) -> None:
    pagecache.make_cold(file)
    with file.open("rb", buffering=0) as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # no read-ahead
        stream.read(1)
    assert 1 <= pagecache.resident(file)[0] < PAGES


def test_looking_does_not_warm(file: Path) -> None:
    pagecache.make_cold(file)
    for _ in range(3):
        assert pagecache.resident(file)[0] == 0


def test_an_empty_file_has_no_pages(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert pagecache.resident(empty) == (0, 0)
    pagecache.make_cold(empty)
    pagecache.warm(empty)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    for function in (pagecache.resident, pagecache.drop, pagecache.warm, pagecache.make_cold):
        with pytest.raises(FileNotFoundError):
            function(tmp_path / "missing")


def test_no_descriptor_and_no_mapping_is_left(file: Path) -> None:
    before = open_files()
    for _ in range(20):
        pagecache.make_cold(file)
        pagecache.warm(file)
    assert open_files() == before
    assert str(file) not in Path("/proc/self/maps").read_text()


def test_pages_that_someone_maps_stay(file: Path) -> None:
    with file.open("rb") as stream:
        mapped = mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ)
        sum(mapped[:: mmap.PAGESIZE])
        with pytest.raises(LabError, match="end what runs or maps it"):
            pagecache.make_cold(file)
        mapped.close()
    pagecache.make_cold(file)


def test_a_ram_disk_cannot_be_made_cold(ram_disk: Path) -> None:
    file = ram_disk / "file"
    file.write_bytes(b"x" * 20_000)
    with pytest.raises(LabError, match=r"5 pages .* not a RAM disk; or measure with --cache warm"):
        pagecache.make_cold(file)


def test_measuring_cold_on_a_ram_disk_fails_at_once(ram_disk: Path) -> None:
    copy = ram_disk / "true"
    copy.write_bytes(Path("/bin/true").read_bytes())
    copy.chmod(0o755)
    with pytest.raises(LabError, match="RAM disk"):
        measure([Command("true", (str(copy),))], 6, 1, "cold")


def test_a_cold_start_reads_from_the_disk(hello: Path) -> None:
    time.sleep(0.01)
    command = Command("hello", (str(hello),))
    run = run_blocks([Block((command,), "warm"), Block((command,), "cold")], 5, 1)
    warm, cold = run.launches
    _, pages = pagecache.resident(hello)
    for launch in cold:
        assert launch.timing.major_faults >= 1
        assert launch.pages_read is not None
        assert 0 < launch.pages_read <= pages
    for launch in warm:
        assert launch.timing.major_faults == 0
        assert launch.pages_read is None
