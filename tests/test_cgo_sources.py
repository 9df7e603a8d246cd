from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.cgo.imports import Package, dependencies
from labhelpers.cgo.sources import LONGEST, SMALL, imports_c, named_stub, purpose, some, stub_words
from labhelpers.cgo.switches import Setting, changes, differences, place, removed, single_settings
from labhelpers.configs import TAGS
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain


def package(folder: Path, text: str, **more: tuple[str, ...]) -> Package:
    (folder / "c.go").write_text(text)
    own = Package("example.org/c", "c", folder, False, "example.org/c@v1", cgo_files=("c.go",))
    return replace(own, **more)  # type: ignore[arg-type]


def test_files_with_c_are_those_that_go_names(current_go: Toolchain) -> None:
    """In all packages of a server, of which net and runtime/cgo have C."""
    graph = dependencies(find_program("httpd"), current_go)
    with_c = 0
    for own in graph.values():
        assert not [name for name in own.go_files if imports_c(own.folder / name)]
        assert all(imports_c(own.folder / name) for name in own.cgo_files)
        with_c += len(own.cgo_files)
    assert with_c >= 5
    assert not imports_c(Path("none.go"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('package a\n\nimport "C"\n', True),
        ('package a\n\nimport (\n\t"C"\n\t"fmt"\n)\n', True),
        ('package a\n\nimport "C" // words\n', True),
        ('package a\r\n\r\nimport "C"\r\n', True),
        ('package a\n\n// import "C"\n', False),
        ('package a\n\nvar c = "C"\n', False),
        ('package a\n\nimport "CC"\n', False),
    ],
)
def test_the_ways_to_write_it(text: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "a.go").write_text(text)
    assert imports_c(tmp_path / "a.go") is expected


def test_purposes(tmp_path: Path) -> None:
    own = package(
        tmp_path, 'package c\n\n/*\n#include <stdlib.h>\n#include <pcap.h>\n*/\nimport "C"'
    )
    assert purpose(own) == "It uses what pcap.h declares."
    linked = replace(own, libraries=("-L/x", "-lpcap", "libsystemd"))
    assert "asks the C linker for pcap, libsystemd." in purpose(linked)
    assert "sources of its own, of C or the like (a.c)" in purpose(
        replace(own, foreign_files=("a.c",))
    )
    included = package(tmp_path, '/*\n#include "big.c"\n*/\nimport "C"\n')
    assert "(big.c)" in purpose(included)
    alone = package(tmp_path, '// int one(void);\nimport "C"\n')
    assert purpose(alone).startswith("It calls C that stands in its own Go files")


def test_words_of_a_stub(tmp_path: Path) -> None:
    own = package(tmp_path, "")

    def said(text: str) -> str:
        (tmp_path / "stub.go").write_text(text)
        return stub_words(own, ["stub.go"])

    assert said('var err = errors.New("this needs cgo")') == "this needs cgo"
    assert said('var err = errors.New("not supported here")') == "not supported here"
    assert said('var ok = "all is well"') == ""
    assert said('import "runtime/cgo"') == ""
    # A long file with a limit somewhere is an implementation, and no stub.
    assert said('var err = errors.New("not supported here")' + "\n" * SMALL) == ""
    assert len(said(f'var err = "cgo {"x" * 400}"')) == LONGEST
    assert stub_words(own, ["none.go"]) == ""
    assert named_stub(["a.go", "a_stub.go"])
    assert not named_stub(["a.go"])


def test_some_of_many() -> None:
    assert some(["a"]) == "a"
    assert some("abcd") == "a, b, c, d"
    assert some("abcde") == "a, b, c and 2 more"


CHOOSER = {
    "main.go": 'package main\n\nimport "example.org/app/which"\n\nfunc main() { which.One() }\n',
    "which/c.go": '//go:build cgo\n\npackage which\n\nimport "example.org/app/c"\n\n'
    "func One() { c.One() }\n",
    "which/go.go": "//go:build !cgo\n\npackage which\n\nfunc One() {}\n",
    "c/c.go": 'package c\n\n// static void one(void) {}\nimport "C"\n\nfunc One() { C.one() }\n',
}


def test_a_package_may_choose_another_by_cgo(current_go: Toolchain, tmp_path: Path) -> None:
    for name, text in {"go.mod": "module example.org/app\n\ngo 1.21\n", **CHOOSER}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    program = Program("app", tmp_path)
    graph, other = (dependencies(program, current_go, cgo) for cgo in (True, False))
    gone, left = removed(graph, other)
    assert (gone, left) == (("example.org/app/c",), ())
    assert changes(graph, other)
    assert not changes(graph, dict(graph))
    assert place(graph[gone[0]], other) == "nothing: nothing imports it any more"
    first, second = differences(graph, other, gone)
    assert first.startswith("example.org/app/c is no longer imported")
    assert second.startswith("Other files are compiled")
    assert second.endswith("in example.org/app/which.")


def test_every_program_is_tried_with_the_same_switches(current_go: Toolchain) -> None:
    settings = single_settings(dependencies(find_program("hello"), current_go))
    assert settings == [Setting(False), *(Setting(True, (tag,)) for tag in TAGS)]
    assert [own.name for own in settings] == ["CGO_ENABLED=0", *TAGS]
    assert settings[0].config.cgo is False
    assert settings[1].config.tags == (TAGS[0],)
