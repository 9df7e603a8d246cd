from pathlib import Path

import pytest

from labhelpers.cgo.constraints import build_line, excluding_tags, holds, tags_of
from labhelpers.cgo.imports import Graph, dependencies
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain

SYSTEMS = {
    *("aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "netbsd"),
    *("openbsd", "plan9", "solaris", "wasip1", "windows", "zos", "linux"),
    *("386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle", "mips64", "mips64le", "ppc64"),
    *("ppc64le", "riscv64", "s390x", "wasm", "mipsx", "mips64x", "ppc64x", "sparc64", "riscv"),
}


@pytest.mark.parametrize(
    ("expression", "tags", "expected"),
    [
        ("cgo && !netgo", (), True),
        ("cgo && !netgo", ("netgo",), False),
        ("!android && cgo && !osusergo", (), True),
        ("windows || (linux && !x)", (), True),
        ("windows || (linux && !x)", ("x",), False),
        ("!(a || b)", (), True),
        ("!(a || b)", ("b",), False),
        ("a && b || linux", (), True),
        ("a && (b || linux)", (), False),
        ("!!linux", (), True),
        ("go1.21 && !go1.9999", (), True),
        ("(linux", (), True),  # what cannot be read is as if it were not there
        ("linux &&", (), True),
        ("", (), True),
        ("linux linux", (), True),
    ],
)
def test_expressions(expression: str, tags: tuple[str, ...], expected: bool) -> None:
    assert holds(expression, tags) is expected


def test_tags_are_those_that_somebody_may_choose() -> None:
    assert tags_of("(linux && cgo) || !sqlite_omit && go1.21 && !race") == {"sqlite_omit"}
    assert tags_of("") == set()


def test_a_line_counts_only_before_the_package(tmp_path: Path) -> None:
    file = tmp_path / "a.go"
    file.write_text("// words\n\n//go:build cgo && !x\n\npackage a\n")
    assert build_line(file) == "cgo && !x"
    file.write_text("package a\n\n//go:build never\n")
    assert build_line(file) == ""
    assert build_line(tmp_path / "none.go") == ""


@pytest.mark.parametrize("tags", [(), ("netgo", "osusergo"), ("purego",)], ids=str)
def test_go_takes_the_same_files(tags: tuple[str, ...], current_go: Toolchain) -> None:
    """Of all packages of a server: what Go compiles holds, what it leaves out does not."""
    graph: Graph = dependencies(find_program("httpd"), current_go, tags=tags)
    left_out = 0
    for package in graph.values():
        for name in (*package.go_files, *package.cgo_files):
            line = build_line(package.folder / name)
            # Which experiments are on is the release's own matter, and no tag of anybody.
            assert "goexperiment" in line or holds(line, tags, current_go.release), name
        for name in package.ignored_files:
            by_name = SYSTEMS & set(name.removesuffix(".go").split("_")[1:])
            line = build_line(package.folder / name)
            if not by_name and "goexperiment" not in line:
                assert not holds(line, tags, current_go.release), (package.path, name, line)
                left_out += 1
    assert left_out > 20


def test_tags_that_take_c_out_are_read_off_the_files(current_go: Toolchain, tmp_path: Path) -> None:
    netuser = dependencies(find_program("netuser"), current_go)
    assert excluding_tags(netuser["net"]) == ["netgo"]
    assert excluding_tags(netuser["os/user"]) == ["osusergo"]
    assert excluding_tags(netuser["fmt"]) == []
    files = {
        "go.mod": "module example.org/app\n\ngo 1.21\n",
        "main.go": "package main\n\nfunc main() {}\n",
        "a.go": '//go:build !one && !both\n\npackage main\n\nimport "C"\n',
        "b.go": '//go:build !both && !two || both && windows\n\npackage main\n\nimport "C"\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    program = Program("app", tmp_path)
    found = dependencies(program, current_go)["example.org/app"]
    assert excluding_tags(found) == ["both"]
    both = dependencies(program, current_go, tags=("both",))["example.org/app"]
    one = dependencies(program, current_go, tags=("one",))["example.org/app"]
    assert (both.cgo_files, one.cgo_files) == ((), ("b.go",))
