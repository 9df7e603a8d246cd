from itertools import pairwise
from pathlib import Path

import pytest

from labhelpers.binary.why import dumpdep, why_linked
from labhelpers.cgo.chains import cgo_packages, chains, importers, narrows
from labhelpers.cgo.imports import Graph, Package, check, dependencies
from labhelpers.configs import find_config
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain


def graph(**imports: str) -> Graph:
    """Return a graph of made-up packages; a name in capitals has a file with `import "C"`."""
    return {
        name: Package(
            name,
            name,
            Path(),
            False,
            "",
            tuple(names.split()),
            cgo_files=("c.go",) if name.isupper() else (),
        )
        for name, names in imports.items()
    }


DIAMOND = graph(C="", D="", left="C", right="C", deep="right D", main="left right deep")
"""main → left → C, main → right → C, main → deep → right → C, main → deep → D."""


def test_chains_are_shortest_first_and_one_for_each_importer() -> None:
    assert chains(DIAMOND, "C") == [("main", "left", "C"), ("main", "right", "C")]
    assert chains(DIAMOND, "C", 1) == [("main", "left", "C")]
    assert chains(DIAMOND, "D") == [("main", "deep", "D")]
    assert chains(DIAMOND, "main") == [("main",)]
    assert chains(DIAMOND, "elsewhere") == []
    assert importers(DIAMOND, "C") == ["left", "right"]


def test_what_every_way_goes_through() -> None:
    assert narrows(DIAMOND, "C") == []
    assert narrows(DIAMOND, "D") == ["deep"]
    assert narrows(graph(C="", b="C", a="b", main="a"), "C") == ["a", "b"]
    assert narrows(graph(C="", a="C", main="a C"), "C") == []


def test_a_circle_ends() -> None:
    circle = graph(C="a", a="C", main="a")
    assert chains(circle, "C") == [("main", "a", "C")]
    assert narrows(circle, "C") == ["a"]


def test_nearest_packages_come_first() -> None:
    assert cgo_packages(graph(B="", A="B", main="A")) == ["A", "B"]


def test_runtime_cgo_is_a_cause_only_where_it_is_imported_by_name() -> None:
    c = Package("runtime/cgo", "cgo", Path(), True, "", cgo_files=("cgo.go",))
    plain = graph(C="", main="C")
    assert cgo_packages({"runtime/cgo": c, **plain}) == ["C"]
    by_name = graph(asks="runtime/cgo", main="asks")
    assert cgo_packages({"runtime/cgo": c, **by_name}) == ["runtime/cgo"]


def test_each_step_of_a_real_chain_is_an_import(current_go: Toolchain) -> None:
    packages = dependencies(find_program("httpd"), current_go)
    check(find_program("httpd"), packages)
    ways = chains(packages, "net", 100)
    assert ways[0] == ("golab/httpd", "net")
    assert len(ways) == len(importers(packages, "net")) > 3
    assert [len(way) for way in ways] == sorted(len(way) for way in ways)
    for way in ways:
        assert (way[0], way[-1]) == ("golab/httpd", "net")
        for package, imported in pairwise(way):
            assert imported in packages[package].imports


def write(folder: Path, imports: dict[str, tuple[str, ...]]) -> Program:
    (folder / "go.mod").write_text("module example.org/app\n\ngo 1.21\n")
    for name, names in imports.items():
        (folder / name).mkdir(exist_ok=True)
        lines = "".join(f'import _ "{own}"\n' for own in names)
        package = name or "main"
        end = "func main() {}\n" if package == "main" else ""
        (folder / name / "a.go").write_text(f"package {package}\n\n{lines}\n{end}")
    return Program("app", folder)


def test_without_a_narrow_place_the_package_is_gone(current_go: Toolchain, tmp_path: Path) -> None:
    own = "example.org/app"
    program = write(
        tmp_path, {"x": ("os/user",), "y": (f"{own}/x",), "z": (), "": (f"{own}/y", f"{own}/z")}
    )
    packages = dependencies(program, current_go)
    assert narrows(packages, "os/user") == [f"{own}/y", f"{own}/x"]
    write(tmp_path, {"": (f"{own}/z",)})
    assert "os/user" not in dependencies(program, current_go)


def test_the_linker_goes_the_same_way(current_go: Toolchain, tmp_path: Path) -> None:
    """The import chain is that of the linker's own references, with main under its real name."""
    if not current_go.cc:
        pytest.skip("there is no C compiler, and so no C in the program")
    (tmp_path / "who").mkdir()
    (tmp_path / "go.mod").write_text("module example.org/app\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text(
        'package main\n\nimport "example.org/app/who"\n\nfunc main() { println(who.Me()) }\n'
    )
    (tmp_path / "who" / "who.go").write_text(
        'package who\n\nimport "os/user"\n\n//go:noinline\nfunc Me() string {\n'
        "\tme, err := user.Current()\n\tif err != nil {\n\t\treturn err.Error()\n\t}\n"
        "\treturn me.Uid\n}\n"
    )
    program = Program("app", tmp_path)
    packages = dependencies(program, current_go)
    assert cgo_packages(packages) == ["os/user"]
    linked = why_linked(dumpdep(program, find_config("default"), current_go), "os/user.Current")
    assert linked
    steps = dict.fromkeys(
        step.package for step in linked.steps if step.package not in ("", "runtime")
    )
    (chain,) = chains(packages, "os/user")
    assert chain == ("example.org/app", "example.org/app/who", "os/user")
    assert tuple(steps) == ("main", *chain[1:])
