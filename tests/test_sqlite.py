"""SQLite in C and in Go: one source, what trimming does to each, speed, builds, the record."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import WriteProgram

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments import sqlite
from labhelpers.experiments.coldbuild import ColdBuild, cold_builds
from labhelpers.experiments.sqlitespeed import Engine, Speed, query_speed
from labhelpers.experiments.turns import Talker, say
from labhelpers.experiments.worth import SWITCH, is_built, not_worth_building, not_worth_fetching
from labhelpers.modules import OFFLINE
from labhelpers.programs import bundled_programs, find_program
from labhelpers.recorded import data_folder
from labhelpers.show.sqlite_figures import trade, trades, ways
from labhelpers.toolchain import Toolchain

RECORDS = {
    "07-sqlite": sqlite.Linked,
    "07-sqlite-trimmed": sqlite.Linked,
    "07-sqlite-files": sqlite.DriverFiles,
    "07-sqlite-chains": sqlite.Brought,
    "07-sqlite-starts": sqlite.WayStart,
    "07-sqlite-speed": Speed,
    "07-sqlite-engines": Engine,
    "07-sqlite-builds": ColdBuild,
}


@pytest.fixture
def _modules(current_go: Toolchain) -> None:
    if why := sqlite.stub_missing(current_go):
        pytest.skip(why)


def file_if_built(name: str, chain: Toolchain) -> Path:
    program, config = find_program(name), find_config("default")
    if not is_built(program, config, chain):
        pytest.skip(f"{name} is not in the build cache, and takes a minute")
    path = build(program, config, chain).path
    assert path
    return path


def recorded(name: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads((data_folder() / f"{name}.json").read_text())["rows"]
    return rows


# The programs


def test_both_are_one_source_but_for_the_driver() -> None:
    in_c, in_go = (find_program(name).folder for name in (sqlite.C, sqlite.GO))
    assert (in_c / "main.go").read_bytes() == (in_go / "main.go").read_bytes()
    for folder, name in ((in_c, sqlite.C), (in_go, sqlite.GO)):
        assert {path.name for path in folder.iterdir()} == {
            *("main.go", "driver.go", "go.mod", "go.sum"),
        }
        code = [
            line
            for line in (folder / "driver.go").read_text().splitlines()
            if line and not line.startswith("//")
        ]
        assert code[:2] == ["package main", f'import _ "{sqlite.DRIVERS[name]}"']
        assert len(code) == 3


@pytest.mark.parametrize(
    "name", [name for name, own in bundled_programs().items() if (own.folder / "go.sum").is_file()]
)
def test_modules_are_pinned(name: str) -> None:
    folder = find_program(name).folder
    needs = re.findall(r"(?m)^(?:require |\t)(\S+) (v\S+)", (folder / "go.mod").read_text())
    sums = (folder / "go.sum").read_text()
    assert needs
    for module, version in needs:
        # Of what only its go.mod is read, there is no sum of the files.
        assert f"{module} {version}/go.mod h1:" in sums
    assert any(f"{module} {version} h1:" in sums for module, version in needs)


# Trimming: it builds, and does not work


@pytest.mark.usefixtures("_modules")
def test_without_cgo_it_builds_and_fails_when_it_is_used(current_go: Toolchain) -> None:
    found = sqlite.trimmed(current_go)
    assert not found.runs
    assert "CGO_ENABLED=0" in found.says
    assert found.cgo == ""
    assert found.link == "needs no other file"


@pytest.mark.usefixtures("_modules")
def test_the_driver_has_one_file_for_builds_without_cgo(current_go: Toolchain) -> None:
    with_cgo, without = sqlite.driver_files(current_go)
    assert (with_cgo.cgo_enabled, without.cgo_enabled) == (1, 0)
    assert with_cgo.cgo > without.go > 0
    assert with_cgo.c > without.c == without.cgo == 0
    assert "static_mock.go" in without.names
    source = sqlite.stub_source(current_go)
    assert "//go:build !cgo" in source
    said = sqlite.trimmed(current_go).says
    words = re.search(r'"(.*)"', source)
    assert words
    assert words[1] in said


def test_c_comes_into_both_and_by_which_imports(current_go: Toolchain) -> None:
    if why := sqlite.sources_missing(current_go):
        pytest.skip(why)
    in_c, in_go = sqlite.brought(current_go)
    assert in_c.chain == f"golab/{sqlite.C} → {sqlite.DRIVERS[sqlite.C]}"
    assert in_go.package == "net"
    steps = in_go.chain.split(" → ")
    assert steps[:2] == [f"golab/{sqlite.GO}", sqlite.DRIVERS[sqlite.GO]]
    assert steps[-1] == "net"


@pytest.mark.parametrize("name", [sqlite.C, sqlite.GO])
def test_it_shows_what_it_found_and_refuses_nonsense(name: str, current_go: Toolchain) -> None:
    path = str(file_if_built(name, current_go))
    assert say(Talker(name, (path,), {})).out == "apple 180\nmelon 1500\n"
    for words in (("-rows", "-1"), ("more",), ("-repeat", "0")):
        assert say(Talker(name, (path, *words), {})).status == 2
    answer = json.loads(say(Talker(name, (path, "-rows", "1"), {})).out)
    assert (answer["rows"], len(answer["runs"])) == (1, 1)


# Speed


def test_both_answer_the_same_in_their_own_time(current_go: Toolchain) -> None:
    in_c, in_go = (file_if_built(name, current_go) for name in (sqlite.C, sqlite.GO))
    found = query_speed(in_c, in_go, rows=500, repeat=1, rounds=6)
    assert [row.work for row in found.rows] == ["open", "insert", "point", "aggregate"]
    for row in found.rows:
        assert 0 < row.c_low <= row.c_ms <= row.c_high
        assert 0 < row.go_low <= row.go_ms <= row.go_high
        assert row.verdict in ("faster", "slower", "not resolved")
    assert {one.driver for one in found.engines} == {"sqlite3", "sqlite"}


def answering(write: WriteProgram, name: str, point: str, total: int) -> Path:
    run = {"open_ms": 1, "insert_ms": 2, "aggregate_ms": 4, "points": 5, "sum": total}
    text = json.dumps({"driver": name, "sqlite": "3", "queries": 7, "runs": [run]})
    text = text.replace('"open_ms"', f'"point_ms": {point}, "open_ms"')
    return write(name, f"#!/bin/sh\ncat <<E\n{text}\nE\n")


def test_what_is_slower_is_said_to_be_and_equal_is_not_resolved(program: WriteProgram) -> None:
    # $$ moves the times a little, as real ones move.
    in_c = answering(program, "c", "10.$$", 1)
    in_go = answering(program, "go", "30.$$", 1)
    found = {row.work: row for row in query_speed(in_c, in_go, rounds=6).rows}
    assert found["point"].verdict == "slower"
    assert found["point"].times == 7
    assert 2.5 < found["point"].low <= found["point"].ratio <= found["point"].high < 3.5
    assert found["insert"].verdict == "not resolved"
    assert found["insert"].ratio == 1


def test_other_answers_are_no_comparison(program: WriteProgram) -> None:
    in_c = answering(program, "c", "10", 1)
    in_go = answering(program, "go", "10", 2)
    with pytest.raises(LabError, match="do not answer the same"):
        query_speed(in_c, in_go, rounds=6)


# Builds


def test_a_first_build_is_timed_and_leaves_nothing(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path))
    main = find_program("empty").folder / "main.go"
    before = main.read_text()
    (found,) = cold_builds(["empty"], current_go, "trim")
    assert (found.program, found.c_lines) == ("empty", 0)
    assert found.go_lines == before.count("\n")
    assert min(found.first_s, found.first_cpu_s, found.next_s, found.next_cpu_s) > 0
    assert main.read_text() == before
    assert not list((tmp_path / "runs").iterdir())


def test_what_is_not_in_the_cache_is_not_built_unasked(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path))
    monkeypatch.delenv(SWITCH, raising=False)
    jobs = [(find_program(name), find_config("trim"), current_go) for name in ("empty", sqlite.C)]
    why = not_worth_building(jobs, "a while")
    assert why
    assert f"empty, {sqlite.C}; {SWITCH}=1" in why
    assert "a while" in why
    assert f"{SWITCH}=1 fetches them" in (
        not_worth_fetching(find_program(sqlite.GO), current_go, "much") or ""
    )
    # Asked for, it is the modules that decide; empty has none.
    monkeypatch.setenv(SWITCH, "1")
    assert not_worth_building(jobs[:1]) is None
    monkeypatch.setenv(OFFLINE, "1")
    assert sqlite.C in (not_worth_building(jobs) or "")


def test_first_builds_are_not_timed_unasked(
    current_go: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    why = sqlite.no_cold_build(current_go)
    assert why
    assert current_go.cc is None or f"{SWITCH}=1" in why
    without_c = replace(current_go, cc=None)
    for refused in (sqlite.no_cold_build(without_c), sqlite.impossible(without_c)):
        assert refused == sqlite.NO_COMPILER


def test_what_is_in_the_cache_is_used(
    current_go: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    job = (find_program("hello"), find_config("trim"), current_go)
    assert build(*job).path
    assert is_built(*job)
    assert not_worth_building([job]) is None


# The record


@pytest.mark.parametrize("name", list(RECORDS))
def test_the_record_has_the_columns_of_today(name: str) -> None:
    rows = recorded(name)
    assert rows
    for row in rows:
        RECORDS[name](**row)
    assert "/home" not in json.dumps(rows)


def test_the_record_is_of_these_ways_and_can_be_drawn() -> None:
    linked, starts = recorded("07-sqlite"), recorded("07-sqlite-starts")
    assert [row["way"] for row in linked] == [way.name for way in sqlite.WAYS]
    assert [row["way"] for row in linked if not row["runs"]] == ["C, CGO_ENABLED=0"]
    assert [row["way"] for row in starts] == [row["way"] for row in linked if row["runs"]]
    figure = ways(linked, starts)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        way.name for way in sqlite.WAYS
    ]
    builds, speeds = recorded("07-sqlite-builds"), recorded("07-sqlite-speed")
    assert [row["program"] for row in builds] == [sqlite.C, sqlite.GO]
    found = trades(linked, starts, speeds, builds)
    assert len(found) == 3 + 1 + len(speeds)
    labels = trade(linked, starts, speeds, builds).axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == [row[0] for row in found]
