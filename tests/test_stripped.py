import sys
from pathlib import Path

import pytest

from labhelpers.build import BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.experiments import stripped
from labhelpers.experiments.stripped import (
    LINKED,
    TOOLED,
    VERSION,
    Stripped,
    Way,
    apply,
    compressed,
    differences,
    different_bytes,
    finish,
    group_of,
    in_line_table,
    kept,
    make,
    sizes,
    tools_missing,
)
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain, toolchain

BY_TOOL = pytest.mark.skipif(tools_missing() is not None, reason="no binutils")


@pytest.fixture(scope="module", params=["article", "current"])
def linked(request: pytest.FixtureRequest) -> dict[str, Stripped]:
    files = make(find_program("selfnames"), toolchain(request.param))
    return {file.way: file for file in files}


def test_s_alone_takes_dwarf_too_unless_told_not_to(linked: dict[str, Stripped]) -> None:
    rows = {row.way: row for row in kept(list(linked.values()))}
    assert [way for way, row in rows.items() if row.dwarf != "–"] == ["default", "-s -w=0"]
    assert [way for way, row in rows.items() if row.symtab != "–"] == ["default", "-w"]
    assert linked["-s"].bytes == linked["-s -w"].bytes < linked["-w"].bytes
    assert linked["-w"].bytes < linked["-s -w=0"].bytes < linked["default"].bytes


def test_dwarf_versions() -> None:
    for release, version, gosymtab in (("article", 4, 0), ("current", 5, "–")):
        row = kept(make(find_program("hello"), toolchain(release), LINKED[:1]))[0]
        assert (row.dwarf, row.gosymtab) == (version, gosymtab)


def test_the_line_table_survives_every_flag(linked: dict[str, Stripped]) -> None:
    for way in ("-s", "-w", "-s -w", "-s -w=0"):
        other = {row.section for row in differences(linked["default"].path, linked[way].path)}
        assert ".gopclntab" not in other
        assert other
        asked = ["main.whereAmI", "main.no_such"]
        assert list(in_line_table(linked[way].path, asked).values()) == [True, False]


def test_s_and_s_w_differ_in_the_build_id_and_in_nothing_else(linked: dict[str, Stripped]) -> None:
    found = {row.section for row in differences(linked["-s"].path, linked["-s -w"].path)}
    assert found <= {".note.go.buildid", ".note.gnu.build-id"}
    assert ".note.go.buildid" in found


def test_without_a_build_id_they_are_one_file(current_go: Toolchain) -> None:
    ways = [Way("one", "-s -buildid="), Way("other", "-s -w -buildid=")]
    one, other = make(find_program("hello"), current_go, ways)
    assert one.sha256 == other.sha256


def test_the_groups_sum_to_the_file(linked: dict[str, Stripped]) -> None:
    found = {size.way: size for size in sizes(list(linked.values()))}
    for size in found.values():
        parts = (size.code, size.data, size.line_table, size.symbols, size.dwarf, size.other)
        assert sum(parts) == size.bytes == linked[size.way].path.stat().st_size
        assert min(parts) >= 0
        assert size.other < 0.01 * size.bytes
    assert found["-s -w"].code == found["default"].code > 0
    assert (found["-w"].dwarf, found["-s"].symbols) == (0, 0)
    change = (found["-s -w"].bytes / found["default"].bytes - 1) * 100
    assert found["-s -w"].change == pytest.approx(change, abs=0.051)
    assert found["default"].change == 0


def test_each_release_is_compared_with_its_own_default() -> None:
    hello = find_program("hello")
    files = [f for go in ("article", "current") for f in make(hello, toolchain(go), LINKED[:2])]
    together = sizes(files)
    assert [size.change for size in together] == [
        size.change for part in (files[:2], files[2:]) for size in sizes(part)
    ]


def test_groups() -> None:
    assert group_of(".data.rel.ro.gopclntab", False, True) == "line table"
    assert group_of(".zdebug_info", False, False) == "DWARF"
    assert group_of(".strtab", False, False) == "symbols"
    assert group_of(".text", True, True) == "code"
    assert group_of(".rodata", False, True) == "data"
    assert group_of(".shstrtab", False, False) == "other"


def test_different_bytes() -> None:
    assert different_bytes(b"abcd", b"abcd") == 0
    assert different_bytes(b"abcd", b"axcy") == 2
    assert different_bytes(b"abcd", b"ax") == 3
    assert different_bytes(b"", b"ab") == 2


def test_differences_name_what_only_one_file_has(linked: dict[str, Stripped]) -> None:
    full, bare = linked["default"].path, linked["-s -w"].path
    down = {row.section: row for row in differences(full, bare)}
    up = {row.section: row for row in differences(bare, full)}
    assert (down[".symtab"].only_in, up[".symtab"].only_in) == ("first", "second")
    assert down[".symtab"].bytes == up[".symtab"].bytes
    assert not differences(linked["-w"].path, linked["-w"].path)


def test_what_is_compressed_already_weighs_more_in_an_image(linked: dict[str, Stripped]) -> None:
    default, bare = compressed([linked["default"], linked["-s -w"]])
    assert bare.gzip < bare.bytes
    assert bare.gzip / default.gzip < bare.bytes / default.bytes


@BY_TOOL
def test_the_tools_agree_on_an_executable(linked: dict[str, Stripped]) -> None:
    go = toolchain(kept([linked["default"]])[0].go)
    found = {file.way: file for file in make(find_program("selfnames"), go, TOOLED)}
    three = {found[way.name].sha256 for way in TOOLED[:3]}
    assert len(three) == 1
    assert found["strip -g"].sha256 not in three
    assert abs(found["strip -s"].bytes - linked["-s -w"].bytes) < 4096
    assert abs(found["strip -g"].bytes - linked["-w"].bytes) < 4096


@BY_TOOL
def test_a_tool_leaves_the_original_alone_and_is_run_once(linked: dict[str, Stripped]) -> None:
    original = linked["default"].path
    before = original.read_bytes()
    made = apply(("strip", "-s"), original)
    assert original.read_bytes() == before
    time = made.stat().st_mtime_ns
    assert apply(("strip", "-s"), original) == made
    assert made.stat().st_mtime_ns == time
    assert apply(("strip", "-g"), original) != made


@BY_TOOL
def test_a_tool_that_fails_says_so(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("no program")
    with pytest.raises(LabError, match=r"strip -s failed on .*text"):
        apply(("strip", "-s"), file)


def test_a_tool_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no strip and no objcopy" in str(tools_missing())
    with pytest.raises(LabError, match="install the package binutils"):
        apply(("strip", "-s"), tmp_path)


def test_a_build_that_fails_is_one_sentence(current_go: Toolchain) -> None:
    failed = build(find_program("hello"), BuildConfig(ldflags="-no-such-flag"), current_go)
    with pytest.raises(LabError, match="hello does not build with -s"):
        finish(failed, LINKED[1])


def test_only_selfnames_is_told_a_version(current_go: Toolchain) -> None:
    hello = make(find_program("hello"), current_go, LINKED[:1])[0]
    plain = build(find_program("hello"), BuildConfig(cgo=False), current_go)
    assert hello.sha256 == plain.sha256
    assert VERSION.encode() in make(find_program("selfnames"), current_go)[0].path.read_bytes()


def test_a_file_without_a_line_table() -> None:
    with pytest.raises(LabError, match=r"no \.gopclntab"):
        stripped.in_line_table(Path(sys.executable).resolve(), ["main.main"])
