import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.build import build
from labhelpers.errors import LabError
from labhelpers.experiments.reproducible import (
    FOLDERS,
    WAYS,
    Workshop,
    compare_commits,
    compare_compilers,
    compare_folders,
    compare_surroundings,
    compilers_missing,
    git_missing,
    only_a_comment,
    other_compilers,
    same_from_an_empty_cache,
)
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain, toolchain


@pytest.fixture(scope="module")
def shop(current_go: Toolchain) -> Iterator[Workshop]:
    with Workshop(find_program("empty"), current_go) as own:
        yield own


@pytest.mark.parametrize("release", ["article", "current"])
def test_only_trimpath_makes_two_folders_agree(release: str) -> None:
    with Workshop(find_program("empty"), toolchain(release)) as own:
        rows = compare_folders(own)
    trimmed = {name for name, way in WAYS.items() if way.trimpath}
    assert {row.flags for row in rows if row.same} == trimmed
    assert [row.flags for row in rows] == list(WAYS)
    assert all((row.first == row.other) == row.same for row in rows)


def test_a_trimmed_build_is_that_of_the_build_module(shop: Workshop) -> None:
    way = WAYS["-trimpath, -s -w"]
    assert shop.build(way).sha256 == build(shop.program, way, shop.toolchain).sha256


def test_surroundings_that_count_and_those_that_do_not(shop: Workshop) -> None:
    rows = compare_surroundings(shop, [WAYS["default"], WAYS["all three"]])
    other = {(row.changed.partition(" (")[0], row.flags) for row in rows if not row.same}
    assert other == {
        ("folder of the source", "default"),
        ("folder of the Go toolchain", "default"),
        ("CGO_ENABLED", "default"),
        ("CGO_ENABLED", "all three"),
    }


def test_an_empty_cache_gives_the_same_file(shop: Workshop) -> None:
    assert same_from_an_empty_cache(shop, WAYS["-trimpath"])


def test_a_comment_changes_the_build_id_and_is_taken_back(shop: Workshop) -> None:
    way = WAYS["-trimpath"]
    before, after = only_a_comment(shop, way)
    assert before.bytes == after.bytes
    assert before.sha256 != after.sha256
    assert before.sha256 == shop.build(way, "words").sha256
    without = [made.sha256 for made in only_a_comment(shop, replace(way, ldflags="-buildid="))]
    assert without[0] == without[1]


def test_the_settings_are_those_of_the_build(shop: Workshop) -> None:
    plain = shop.settings(shop.build(WAYS["-s -w"]))
    assert (plain["-ldflags"], plain["CGO_ENABLED"]) == ('"-s -w"', "0")
    trimmed = shop.settings(shop.build(WAYS["all three"]))
    assert "-ldflags" not in trimmed
    assert (trimmed["-trimpath"], trimmed["-buildmode"]) == ("true", "pie")


def test_commits_are_stamped(shop: Workshop) -> None:
    if reason := git_missing():
        pytest.skip(reason)
    none, first, clone, dirty, second = compare_commits(shop, WAYS["-trimpath"])
    assert len({row.unstamped for row in (none, first, clone, dirty, second)}) == 1
    assert none.stamped == none.unstamped
    assert first.stamped == clone.stamped
    assert len({row.stamped for row in (none, first, dirty, second)}) == 4
    assert [row.modified for row in (none, first, clone, dirty, second)] == [
        *("", "false", "false", "true", "false")
    ]
    assert first.time == "2026-01-01T00:00:00Z"
    assert first.revision == dirty.revision != second.revision


def test_no_git_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no git" in (git_missing() or "")


def test_a_build_that_fails_says_what_go_said(shop: Workshop) -> None:
    (shop.folder("checkout") / ".git").mkdir(exist_ok=True)
    with pytest.raises(LabError, match="-buildvcs=false to disable"):
        shop.build(WAYS["-trimpath"], "checkout", words=["-buildvcs=true"], PATH="")
    with pytest.raises(LabError, match="requires external"):
        shop.build(replace(WAYS["default"], linkmode="external"))


def test_c_compilers_agree_with_themselves_only(current_go: Toolchain) -> None:
    if reason := compilers_missing(current_go):
        pytest.skip(reason)
    rows = compare_compilers(find_program("cgocall"), current_go, WAYS["-trimpath, -s -w"])
    assert all(row.same for row in rows)
    assert len({row.first for row in rows}) == len(rows) > 1


def test_one_compiler_is_too_few(
    current_go: Toolchain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lonely = replace(current_go, cc=None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert {own.cc.source for own in other_compilers(lonely) if own.cc} <= {"ziglang"}
    assert "fewer than two" in (compilers_missing(lonely) or "")


def test_the_program_is_left_alone_and_nothing_stays(current_go: Toolchain, tmp_path: Path) -> None:
    source = tmp_path / "empty"
    shutil.copytree(find_program("empty").folder, source)
    (source / ".git").mkdir()

    def content() -> dict[str, tuple[bytes, float]]:
        files = [path for path in source.iterdir() if path.is_file()]
        return {path.name: (path.read_bytes(), path.stat().st_mtime) for path in files}

    before = content()
    with Workshop(Program("empty", source), current_go) as own:
        only_a_comment(own, WAYS["-trimpath"])
        assert {own.folder(name).name for name in FOLDERS} == set(FOLDERS)
        root = own.root
        assert root.is_dir()
    assert not root.exists()
    assert before == content()


def test_a_package_of_a_users_module(current_go: Toolchain, tmp_path: Path) -> None:
    module = tmp_path / "module"
    (module / "cmd" / "tool").mkdir(parents=True)
    (module / "words").mkdir()
    (module / "go.mod").write_text("module example.org/m\n\ngo 1.21\n")
    (module / "words" / "words.go").write_text('package words\n\nconst Hello = "hello"\n')
    (module / "cmd" / "tool" / "tool.go").write_text(
        'package main\n\nimport "example.org/m/words"\n\nfunc main() { println(words.Hello) }\n'
    )
    with Workshop(find_program(module / "cmd" / "tool"), current_go) as own:
        first, other = (own.build(WAYS["all three"], name) for name in FOLDERS)
        assert first.sha256 == other.sha256
        assert own.settings(first)["path"] == "example.org/m/cmd/tool"
        before, after = only_a_comment(own, WAYS["-trimpath"])
        assert before.bytes == after.bytes
