"""Which package variables are ready in the file: against the running program and inittrace."""

from pathlib import Path

import pytest

from labhelpers.experiments.codemap import read_code
from labhelpers.experiments.instructions import WAYS
from labhelpers.experiments.staticinit import (
    VARIABLES,
    appeared,
    init_functions,
    inits,
    made,
    sources,
    variables,
)
from labhelpers.experiments.traces import stepping_impossible
from labhelpers.programs import find_program
from labhelpers.runtime.inittrace import run_inittrace
from labhelpers.startup.spawn import Command
from labhelpers.toolchain import Toolchain, toolchain


@pytest.fixture(params=["article", "current"])
def go(request: pytest.FixtureRequest) -> Toolchain:
    return toolchain(request.param)


def test_what_the_compiler_lays_out(go: Toolchain) -> None:
    rows = variables([go])
    ready = {(row.name, row.way): row.ready for row in rows}
    assert len(rows) == len(VARIABLES) * len(WAYS)
    for way in WAYS:
        for name in ("constant", "array", "slice", "pointer", "closure"):
            assert ready[name, way.name], (name, way.name)
        for name in ("called", "loop", "byName", "home"):
            assert not ready[name, way.name], (name, way.name)
    assert [ready["problem", way.name] for way in WAYS] == [True, False, False]


def test_only_the_init_function_writes_what_is_not_ready(go: Toolchain) -> None:
    """The compiler's own list: what main.init refers to, says the disassembler, is not ready."""
    import re
    import subprocess

    for way in WAYS[:2]:
        path = made(find_program("staticinit"), way, go).path
        said = subprocess.run(
            [go.go, "tool", "objdump", "-s", r"^main\.init$", str(path)],
            env=go.environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        written = set(re.findall(r"MOV[A-Z]* .*, main\.(\w+)\(SB\)|main\.(\w+)\+8\(SB\)", said))
        names = {name for pair in written for name in pair} & set(VARIABLES)
        ready = {row.name: row.ready for row in variables([go], [way])}
        assert {"called", "home"} <= names
        assert not any(ready[name] for name in names)


def test_packages_with_inits_are_those_of_inittrace(go: Toolchain) -> None:
    for way in WAYS[:2]:
        path = made(find_program("hello"), way, go).path
        assert path
        traced = sorted(own.package for own in run_inittrace(Command("hello", (str(path),))))
        assert init_functions(path)[0] == traced


def test_inits_appear_without_inlining(go: Toolchain) -> None:
    hello = find_program("hello")
    rows = {row.way: row for row in inits(hello, [go], run=False)}
    assert rows["-l"].packages - rows["default"].packages == len(appeared(hello, go)) > 0
    assert rows["-l"].code > rows["default"].code
    assert rows["default"].main == 0  # hello itself has nothing to initialise


@pytest.mark.skipif(bool(stepping_impossible()), reason="no program can be stepped here")
def test_what_an_init_function_runs(go: Toolchain) -> None:
    rows = {row.way: row for row in inits(find_program("staticinit"), [go])}
    assert 0 < (rows["default"].run or 0) < (rows["-l"].run or 0)
    path = made(find_program("staticinit"), WAYS[0], go).path
    assert isinstance(path, Path)
    code = read_code(path)
    place = code.names.index("main.init")
    assert rows["default"].main == int(code.ends[place] - code.starts[place])


def test_sources() -> None:
    texts = sources()
    assert tuple(texts) == VARIABLES
    assert texts["inlined"] == "double(21)"
