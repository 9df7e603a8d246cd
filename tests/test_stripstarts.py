from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.stripped import LINKED, Stripped, make
from labhelpers.experiments.stripstarts import cold_missing, starts
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain

TWO = (LINKED[0], LINKED[3])


@pytest.fixture
def hello(current_go: Toolchain) -> list[Stripped]:
    return list(make(find_program("hello"), current_go, TWO))


def test_a_warm_start_reads_nothing_from_the_disk(hello: list[Stripped]) -> None:
    default, bare = starts(hello, "warm", rounds=6)
    assert (default.verdict, default.ratio, default.read_kb) == ("baseline", 1.0, None)
    assert bare.low <= bare.ratio <= bare.high
    assert bare.verdict in ("faster", "slower", "not resolved")
    assert (bare.way, bare.bytes, bare.cache) == ("-s -w", hello[1].bytes, "warm")


def test_a_cold_start_reads_at_most_the_file(hello: list[Stripped]) -> None:
    if reason := cold_missing(hello[0]):
        pytest.skip(reason)
    for row in starts(hello, "cold", rounds=6):
        assert row.read_kb is not None
        assert 0 < row.read_kb <= -(-row.bytes // 4096) * 4


def test_a_server_starts_until_its_first_answer(current_go: Toolchain) -> None:
    files = make(find_program("httpd"), current_go, TWO)
    assert [row.program for row in starts(files, "warm", rounds=6)] == ["httpd"] * 2


def test_nothing_is_left_behind(
    hello: list[Stripped], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path))  # other tests may be at work in the usual one
    with pytest.raises(LabError, match="at least 6"):
        starts(hello, "warm", rounds=2)
    starts(hello, "warm", rounds=6)
    assert not list(cache_dir("runs").iterdir())


def test_a_ram_disk_is_one_sentence(ram_disk: Path, hello: list[Stripped]) -> None:
    copy = ram_disk / "hello"
    copy.write_bytes(hello[0].path.read_bytes())
    file = Stripped("hello", "1", "default", 1, "", copy)
    assert "RAM disk" in str(cold_missing(file))
