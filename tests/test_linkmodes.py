"""Link modes: real links of real programs, and what the files say of them."""

from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import linkmodes
from labhelpers.experiments.linkmodes import attempts, growth, known_packages, mode_files, shortened
from labhelpers.toolchain import Toolchain


@pytest.fixture(scope="module")
def chain(current_go: Toolchain) -> Toolchain:
    if linkmodes.impossible(current_go):
        pytest.skip("no C compiler")
    return current_go


def test_without_a_compiler_it_is_impossible(current_go: Toolchain) -> None:
    bare = Toolchain(current_go.release, current_go.goroot, None)
    assert "C compiler" in (linkmodes.impossible(bare) or "")


def test_files_are_what_was_asked_for(chain: Toolchain) -> None:
    rows = {(row.program, row.mode): row for row in mode_files(chain, ["hello", "cgocall"])}
    assert {(program, mode): row.linked for (program, mode), row in rows.items()} == {
        ("hello", ""): "internal",
        ("hello", "internal"): "internal",
        ("hello", "external"): "external",
        ("hello", "static external"): "external",
        ("cgocall", ""): "external",
        ("cgocall", "internal"): "internal",
        ("cgocall", "external"): "external",
        ("cgocall", "static external"): "external",
    }
    plain, outside = rows["hello", "internal"], rows["hello", "external"]
    assert (plain.verdict, plain.loader, plain.libraries, plain.relocations) == (
        *("static Go", "", ""),
        0,
    )
    assert outside.loader
    assert "libc.so" in outside.libraries
    assert outside.relocations > 0
    assert outside.sections > plain.sections
    assert outside.segments > plain.segments
    assert rows["cgocall", "internal"].libraries == rows["cgocall", "external"].libraries
    assert not rows["hello", "static external"].loader
    assert rows["cgocall", ""].bytes == rows["cgocall", "external"].bytes


def test_growth_sums_to_the_files(chain: Toolchain) -> None:
    rows = growth(chain)
    sizes = {row.mode: row.bytes for row in mode_files(chain, ["hello"])}
    assert sum(row.internal for row in rows) == sizes["internal"]
    assert sum(row.external for row in rows) == sizes["external"]
    assert all(row.more == row.external - row.internal for row in rows)
    more = {row.what: row.more for row in rows}
    assert more["code"] > 0
    assert more["for the loader"] > 0


def test_the_linker_knows_some_packages(current_go: Toolchain) -> None:
    assert {"net", "os/user", "runtime/cgo"} <= set(known_packages(current_go))


def test_a_linker_without_the_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no list internalpkg"):
        known_packages(Toolchain("9.9.9", tmp_path, None))


def test_internal_linking_fails_where_external_does_not(chain: Toolchain) -> None:
    rows = {(row.needs, row.mode): row for row in attempts(chain, ["libc", "constructor", "weak"])}
    assert all(row.outcome == "42" for (_, mode), row in rows.items() if mode == "external")
    assert rows["functions of libc", "internal"].outcome == "42"
    # It links, runs, and is wrong.
    assert rows["code before main", "internal"].outcome == "0"
    assert rows["code before main", "internal"].error == ""
    missing = rows["a function that may be missing", "internal"]
    assert missing.outcome == "does not run"
    assert "optional" in missing.error
    assert "/" not in missing.error


def test_a_link_that_fails_says_why(chain: Toolchain) -> None:
    row = next(row for row in attempts(chain, ["threadlocal"]) if row.mode == "internal")
    assert row.outcome == "does not link"
    assert "reloc" in row.error


def test_contradictions_do_not_build(chain: Toolchain) -> None:
    says = {row.switches: row.says for row in linkmodes.contradictions(chain)}
    assert "cgo is not enabled" in says["CGO_ENABLED=0 -linkmode=external"]
    assert "buildmode=c-shared" in says["-buildmode=c-shared -linkmode=internal"]


def test_lines_of_tools_lose_folders_and_hashes() -> None:
    digest = "0123456789" * 5
    assert shortened(f"loadelf: $WORK/b001/{digest}-d(_x001.o): bad") == "loadelf: (_x001.o): bad"
    assert shortened("/a/b/link: x /c/d.o: y") == "link: x d.o: y"
    again = "app: symbol lookup error: app: undefined symbol: f"
    assert shortened(again) == "app: symbol lookup error: undefined symbol: f"
