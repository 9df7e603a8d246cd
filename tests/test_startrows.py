from pathlib import Path

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.experiments.startrows import no_cold_start, start_rows
from labhelpers.programs import find_program
from labhelpers.startup import Command, measure
from labhelpers.toolchain import Toolchain


def command(name: str, config: str, go: Toolchain) -> Command:
    binary = build(find_program(name), find_config(config), go)
    assert binary.path
    return Command(f"{name}, {config}", (str(binary.path),))


def test_a_row_for_each_command_against_the_first(current_go: Toolchain) -> None:
    commands = [command("hello", config, current_go) for config in ("default", "strip", "pie")]
    rows = start_rows(measure(commands, rounds=8, seed=1))
    assert [row.command for row in rows] == ["hello, default", "hello, strip", "hello, pie"]
    assert {row.cache for row in rows} == {"warm"}
    assert [row.verdict == "baseline" for row in rows] == [True, False, False]
    assert all(row.low_ms <= row.median_ms <= row.high_ms for row in rows)
    assert rows[0].ratio == 1.0


def test_two_measurements_follow_each_other(current_go: Toolchain) -> None:
    hello = command("hello", "default", current_go)
    empty = command("empty", "default", current_go)
    rows = start_rows(*(measure([one], rounds=6, seed=1) for one in (hello, empty)))
    assert [(row.command, row.verdict) for row in rows] == [
        ("hello, default", "baseline"),
        ("empty, default", "baseline"),
    ]


def test_a_ram_disk_allows_no_cold_start(current_go: Toolchain, ram_disk: Path) -> None:
    hello = command("hello", "default", current_go)
    copy = ram_disk / "hello"
    copy.write_bytes(hello.file.read_bytes())
    assert "cannot be dropped" in str(no_cold_start(Command("copy", (str(copy),))))
