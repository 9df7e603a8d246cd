import shutil

import pytest

from labhelpers.experiments.striptools import SENSITIVE, executables, not_possible, objects
from labhelpers.toolchain import toolchain

COMPILER = toolchain("current").cc
POSSIBLE = pytest.mark.skipif(not_possible(COMPILER) is not None, reason="no gcc with binutils")


@POSSIBLE
@pytest.mark.parametrize("release", ["article", "current"])
def test_no_tool_hurts_an_executable(release: str) -> None:
    rows = executables(toolchain(release))
    assert all(row.runs for row in rows)
    for program, config in SENSITIVE:
        before, *after = [r for r in rows if (r.program, r.config) == (program, config)]
        assert len({row.hash for row in after}) == 1
        assert before.symtab > 0 or config == "strip"
        for row in after:
            assert (row.symtab, row.debug) == (0, 0)
            assert (row.dynsym, row.relocations, row.needed) == (
                *(before.dynsym, before.relocations, before.needed),
            )
    needed = {row.config: row.needed for row in rows if row.program == "hello"}
    assert (needed["default"], needed["pie"]) == ("", "")
    assert "libc.so.6" in needed["external"]


@POSSIBLE
def test_strip_all_makes_object_files_useless() -> None:
    assert COMPILER
    rows = {row.tool: row for row in objects(COMPILER)}
    assert {tool for tool, row in rows.items() if not row.links} == {
        "strip -s",
        "objcopy --strip-all",
    }
    assert "undefined" in rows["strip -s"].said
    assert rows["strip -s"].symbols == rows["objcopy --strip-all"].relocations == 0
    assert 0 < rows["strip --strip-unneeded"].symbols < rows["untouched"].symbols


def test_without_a_compiler_or_binutils(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no C compiler" in str(not_possible(None))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    if COMPILER:
        assert "no strip" in str(not_possible(COMPILER))
