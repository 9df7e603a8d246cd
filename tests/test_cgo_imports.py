import subprocess
from pathlib import Path

import pytest

from labhelpers.cgo.chains import cgo_packages
from labhelpers.cgo.imports import check, dependencies, main_package
from labhelpers.errors import LabError, Stopped
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain, toolchain

MAIN = "package main\n\nfunc main() {}\n"
ISATTY = "github.com/mattn/go-isatty"


def write(folder: Path, files: dict[str, str], go_mod: str = "", go: str = "1.21") -> Program:
    """Write a module named example.org/NAME and return it as a program."""
    head = f"module example.org/{folder.name}\n\ngo {go}\n{go_mod}"
    for name, text in {"go.mod": head, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Program(folder.name, folder)


def importing(*packages: str) -> str:
    lines = "".join(f'import _ "{package}"\n' for package in packages)
    return f"package main\n\n{lines}\nfunc main() {{}}\n"


def go_list(program: Program, go: Toolchain, *words: str, cgo: bool = True) -> list[str]:
    """Return the lines of `go list -deps` itself."""
    argv = [str(go.go), "list", "-deps", *words, "."]
    environment = go.environment(cgo=cgo)
    done = subprocess.run(
        argv, cwd=program.folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def everything(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("release", ["current", "article"])
@pytest.mark.parametrize("cgo", [True, False])
@pytest.mark.parametrize("name", ["netuser", "hello", "cgocall"])
def test_packages_are_those_that_go_list_names(name: str, cgo: bool, release: str) -> None:
    go, program = toolchain(release), find_program(name)
    graph = dependencies(program, go, cgo)
    check(program, graph)
    assert list(graph) == go_list(program, go, cgo=cgo)
    by_go = go_list(program, go, "-f", "{{.ImportPath}} {{len .CgoFiles}} {{.Standard}}", cgo=cgo)
    ours = [f"{p.path} {len(p.cgo_files)} {str(p.standard).lower()}" for p in graph.values()]
    assert ours == by_go
    assert main_package(graph).name == "main"


def test_tags_are_handed_on(current_go: Toolchain) -> None:
    graph = dependencies(find_program("netuser"), current_go, tags=("netgo", "osusergo"))
    assert cgo_packages(graph) == []
    assert not graph["net"].cgo_files


def test_modules_and_replacements_are_named(current_go: Toolchain, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"other.go": "package other\n"})
    program = write(
        tmp_path / "app",
        {"main.go": importing("example.org/other")},
        f"require example.org/other v1.0.0\nreplace example.org/other => {other.folder}\n",
    )
    graph = dependencies(program, current_go)
    check(program, graph)
    assert graph["example.org/other"].module == "example.org/other (replaced)"
    assert graph["example.org/app"].module == "example.org/app"
    assert graph["example.org/app"].main
    assert graph["unsafe"].module == ""


def test_a_vendored_package_is_found_and_nothing_is_written(
    current_go: Toolchain, tmp_path: Path
) -> None:
    program = write(
        tmp_path / "app",
        {
            "main.go": importing("example.org/other"),
            "vendor/modules.txt": "# example.org/other v1.0.0\n## explicit\nexample.org/other\n",
            "vendor/example.org/other/other.go": "package other\n",
        },
        "require example.org/other v1.0.0\n",
    )
    before = everything(tmp_path)
    graph = dependencies(program, current_go)
    check(program, graph)
    assert graph["example.org/other"].folder == program.folder / "vendor/example.org/other"
    assert graph["example.org/other"].module == "example.org/other@v1.0.0"
    assert everything(tmp_path) == before


def test_a_workspace_is_used_and_nothing_is_written(current_go: Toolchain, tmp_path: Path) -> None:
    write(tmp_path / "b", {"b.go": "package b\n"})
    program = write(tmp_path / "a", {"main.go": importing("example.org/b", "example.org/c")})
    write(tmp_path / "c", {"c.go": "package c\n"})
    (tmp_path / "go.work").write_text(
        "go 1.21\n\nuse (\n\t./a\n\t./b\n)\n\nreplace example.org/c => ./c\n"
    )
    (tmp_path / "a" / "go.mod").write_text(
        "module example.org/a\n\ngo 1.21\n\nrequire example.org/c v1.0.0\n"
    )
    before = everything(tmp_path)
    graph = dependencies(program, current_go)
    check(program, graph)
    assert {"example.org/b", "example.org/c"} < set(graph)
    assert everything(tmp_path) == before


def test_checksums_that_a_workspace_lacks_are_not_written_to_it(
    current_go: Toolchain, tmp_path: Path
) -> None:
    from labhelpers.workspace import workspace

    write(tmp_path / "b", {"b.go": "package b\n"}, f"require {ISATTY} v0.0.20\n")
    program = write(tmp_path / "a", {"main.go": importing(ISATTY)}, f"require {ISATTY} v0.0.20\n")
    (tmp_path / "go.work").write_text("go 1.21\n\nuse ./a\n\nuse ./b\n")
    before = everything(tmp_path)
    try:
        check(program, dependencies(program, current_go))
    except LabError as error:
        pytest.skip(f"no network: {error}")
    assert everything(tmp_path) == before
    with workspace(program, current_go) as variables:
        assert Path(variables["GOWORK"]).parent != tmp_path
    assert not Path(variables["GOWORK"]).exists()
    go_list(program, current_go)  # by itself it does write
    assert set(everything(tmp_path)) - set(before) == {"go.work.sum"}


def test_programs_of_others_do_without_a_workspace(current_go: Toolchain, tmp_path: Path) -> None:
    from labhelpers.workspace import workspace

    with workspace(find_program("hello"), current_go) as variables:
        assert variables == {"GOWORK": "off"}
    with workspace(Program("x", tmp_path, fetched=True), current_go) as variables:
        assert variables == {"GOWORK": "off"}
    with workspace(Program("y", tmp_path), current_go) as variables:
        assert variables == {}


BAD: dict[str, tuple[dict[str, str], str, str, str]] = {
    # name: files, what is added to go.mod, the go line, what the sentence must match
    "library": ({"a.go": "package lib\n"}, "", "1.21", r"is a library \(package lib\)"),
    "newer": ({"a.go": MAIN}, "", "1.99", r"newer needs Go 1\.99.* this is Go 1\.27"),
    "gone": (
        {"a.go": importing("example.org/gone/no")},
        "",
        "1.21",
        r"gone imports example\.org/gone/no.*a\.go:3",
    ),
    "nostd": (
        {"a.go": importing("nosuch/package")},
        "",
        "1.21",
        r"nostd imports nosuch/package.*standard library",
    ),
    "notrequired": (
        {"a.go": importing(ISATTY)},
        "",
        "1.21",
        rf"imports {ISATTY}.*`go mod tidy`",
    ),
    "nosum": (
        {"a.go": importing(ISATTY)},
        f"require {ISATTY} v0.0.20\n",
        "1.21",
        rf"go\.sum of nosum has no entry for {ISATTY}.*`go mod tidy`",
    ),
    "badmod": ({"a.go": MAIN}, "frob nicate\n", "1.21", r"go\.mod of badmod .*line 4: unknown"),
    "windows": ({"a.go": f"//go:build windows\n\n{MAIN}"}, "", "1.21", "no Go file that is built"),
    "two": ({"a.go": MAIN, "b.go": "package b\n"}, "", "1.21", "two packages, main"),
    "cfile": ({"a.go": MAIN, "b.c": "int x;\n"}, "", "1.21", r"C sources \(b\.c\).*`import \"C\"`"),
    "secret": ({"a.go": importing("internal/abi")}, "", "1.21", "internal/abi, which is internal"),
    "circle": (
        {
            "a.go": importing("example.org/circle/x"),
            "x/x.go": 'package x\n\nimport _ "example.org/circle/y"\n',
            "y/y.go": 'package y\n\nimport _ "example.org/circle/x"\n',
        },
        "",
        "1.21",
        "circle of imports",
    ),
    "intest": (
        {"a.go": MAIN, "a_test.go": 'package main\n\nimport "C"\n'},
        "",
        "1.21",
        r"intest has `import \"C\"` in a test file \(a_test\.go\), which Go refuses",
    ),
    "vendored": (
        {"a.go": importing(ISATTY), "vendor/modules.txt": "\n"},
        f"require {ISATTY} v0.0.20\n",
        "1.21",
        "vendor of vendored does not fit.*`go mod vendor`",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_listed_is_one_sentence(
    name: str, current_go: Toolchain, tmp_path: Path
) -> None:
    files, go_mod, language, pattern = BAD[name]
    program = write(tmp_path / name, files, go_mod, language)
    before = everything(tmp_path)
    with pytest.raises(LabError, match=pattern) as caught:
        check(program, dependencies(program, current_go))
    said = str(caught.value)
    assert "\n" not in said
    assert str(tmp_path) not in said
    assert everything(tmp_path) == before


def test_an_older_release_says_the_same(tmp_path: Path) -> None:
    program = write(tmp_path / "newer", {"a.go": MAIN}, go="1.99")
    with pytest.raises(LabError, match=r"needs Go 1\.99.* this is Go 1\.22"):
        dependencies(program, toolchain("article"))


def test_a_package_of_another_that_is_for_other_systems_is_named(
    current_go: Toolchain, tmp_path: Path
) -> None:
    files = {
        "a.go": importing("example.org/app/only"),
        "only/only.go": "//go:build windows\n\npackage only\n",
    }
    program = write(tmp_path / "app", files)
    with pytest.raises(LabError, match=r"^example.org/app/only \(imported by app\) has no Go file"):
        check(program, dependencies(program, current_go))


def test_no_module_at_all(current_go: Toolchain, tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(MAIN)
    with pytest.raises(LabError, match=r"no go\.mod in the folder of app"):
        dependencies(Program("app", tmp_path), current_go)


def test_no_network_for_a_module(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLAB_OFFLINE", "1")
    sums = "".join(f"example.org/x v1.0.0{end} h1:{'A' * 43}=\n" for end in ("", "/go.mod"))
    program = write(
        tmp_path / "app",
        {"a.go": importing("example.org/x"), "go.sum": sums},
        "require example.org/x v1.0.0\n",
    )
    with pytest.raises(LabError, match="not in the cache and the network is not to be used"):
        check(program, dependencies(program, current_go))


def test_a_changed_module_is_refused(current_go: Toolchain, tmp_path: Path) -> None:
    from labhelpers.modules import modules_missing

    version = "v0.20.0"
    sums = "".join(f"golang.org/x/sync {version}{end} h1:{'A' * 43}=\n" for end in ("", "/go.mod"))
    bad = write(
        tmp_path / "bad",
        {"a.go": importing("golang.org/x/sync/errgroup"), "go.sum": sums},
        f"require golang.org/x/sync {version}\n",
    )
    missing = modules_missing(bad, current_go)
    assert missing is not None
    if "checksum" not in missing:
        pytest.skip(missing)
    with pytest.raises(LabError, match=r"checksum of golang\.org/x/sync@v0\.20\.0.*bad"):
        check(bad, dependencies(bad, current_go))


def test_a_workspace_that_names_what_is_not_there(current_go: Toolchain, tmp_path: Path) -> None:
    program = write(tmp_path / "a", {"main.go": MAIN})
    (tmp_path / "go.work").write_text("go 1.21\n\nuse (\n\t./a\n\t./gone\n)\n")
    with pytest.raises(LabError, match=r"go\.work .* names .*gone.* not there"):
        check(program, dependencies(program, current_go))
    (tmp_path / "go.work").write_text("go 1.21\n\nuse ./b\n")
    write(tmp_path / "b", {"main.go": MAIN})
    with pytest.raises(LabError, match=r"go work use"):
        check(program, dependencies(program, current_go))


def test_it_can_be_stopped(current_go: Toolchain) -> None:
    import threading

    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        dependencies(find_program("httpd"), current_go, stop=stop)
