"""Every probe has to be able to say no, so each is also put to something that cannot say yes."""

from pathlib import Path

import pytest
from conftest import WriteProgram

from labhelpers.errors import LabError
from labhelpers.experiments import probes
from labhelpers.experiments.probes import (
    ask,
    from_inside,
    gdb_missing,
    gdb_probes,
    go_nm,
    perf_missing,
)
from labhelpers.experiments.stripped import LINKED, TOOLED, Stripped, make, tools_missing
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain, toolchain


@pytest.fixture(scope="module")
def article() -> Toolchain:
    return toolchain("article")


@pytest.fixture(scope="module", params=["article", "current"])
def files(request: pytest.FixtureRequest) -> list[Stripped]:
    ways = LINKED if tools_missing() else LINKED + TOOLED
    return make(find_program("selfnames"), toolchain(request.param), ways)


@pytest.fixture
def silent(program: WriteProgram) -> Path:
    return program("silent", "#!/bin/sh\necho main.other elsewhere.go:1 unset\nexit 3\n")


def test_everything_from_inside_survives(files: list[Stripped], article: Toolchain) -> None:
    rows = ask(files, from_inside(article))
    assert {row.probe for row in rows if not row.works} == set()
    said = {(row.probe, row.said) for row in rows if row.probe == "pprof"}
    assert said == {("pprof", "main.burn")}


def test_what_is_no_selfnames_fails_each_question(silent: Path, article: Toolchain) -> None:
    answers = {name: ask_it(silent) for name, ask_it in from_inside(article).items()}
    assert {name: works for name, (works, _) in answers.items() if works} == {}


def test_nm_needs_the_symbol_table(files: list[Stripped], article: Toolchain) -> None:
    rows = ask(files, {"nm": lambda path: go_nm(path, article)})
    works = {row.way for row in rows if row.works}
    assert works == {"default", "-w", "strip -g"} & {file.way for file in files}
    assert {row.said for row in rows if not row.works} == {"no symbols"}


@pytest.mark.skipif(gdb_missing() is not None, reason="no gdb that may start programs")
def test_gdb_needs_symbols_for_names_and_dwarf_for_the_rest(files: list[Stripped]) -> None:
    rows = {(row.way, row.probe): row for row in gdb_probes(files)}
    by_name = {way for (way, probe), row in rows.items() if row.works and "name" in probe}
    variable = {way for (way, probe), row in rows.items() if row.works and "variable" in probe}
    line = {way for (way, probe), row in rows.items() if row.works and "line" in probe}
    assert by_name - {"strip -g"} == {"default", "-w", "-s -w=0"}
    assert variable == line == {"default", "-s -w=0"}
    for row in rows.values():
        assert "0x" not in row.said
        assert "/home" not in row.said
        assert row.said


@pytest.mark.skipif(perf_missing() is not None, reason="no perf that may sample programs")
def test_perf_needs_the_symbol_table(files: list[Stripped]) -> None:
    rows = ask(files, {"perf": probes.perf})
    works = {row.way for row in rows if row.works}
    assert works == {"default", "-w", "strip -g"} & {file.way for file in files}


def test_equal_files_are_asked_once(current_go: Toolchain) -> None:
    file = make(find_program("selfnames"), current_go, LINKED[:1])[0]
    asked = []

    def question(path: Path) -> tuple[bool, str]:
        asked.append(path)
        return True, ""

    assert len(ask([file, file], {"a": question, "b": question})) == 4
    assert asked == [file.path] * 2


def test_missing_tools_are_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gdb_missing() == "This machine has no gdb."
    assert perf_missing() == "This machine has no perf."


def test_a_gdb_that_may_not_trace(
    monkeypatch: pytest.MonkeyPatch, program: WriteProgram, tmp_path: Path
) -> None:
    program("gdb", "#!/bin/sh\necho 'ptrace: Operation not permitted.'\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "ptrace is not allowed" in str(gdb_missing())


def test_what_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="did not run to its end"):
        probes.run(tmp_path / "missing")
