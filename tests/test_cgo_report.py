import json
import subprocess
import threading
from pathlib import Path

import pytest

from labhelpers.binary.buildinfo import read_buildinfo
from labhelpers.binary.elf import open_elf
from labhelpers.build import BuildConfig, build
from labhelpers.cgo.imports import dependencies
from labhelpers.cgo.report import Cause, CgoReport, Switch, cgo_report, with_builds
from labhelpers.cgo.switches import broken
from labhelpers.configs import TAGS, find_config
from labhelpers.errors import LabError, Stopped
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain, toolchain

C = 'import "C"\n'
OWN = "/*\nstatic int one(void) { return 1; }\n*/\n"


def write(folder: Path, files: dict[str, str]) -> Program:
    for name, text in {"go.mod": "module example.org/app\n\ngo 1.21\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Program("app", folder)


ONLY_C = {
    "main.go": 'package main\n\nimport "example.org/app/c"\n\nfunc main() { println(c.One()) }\n',
    "c/c.go": f"package c\n\n{OWN}{C}\nfunc One() int {{ return int(C.one()) }}\n",
}
STUB = {
    **ONLY_C,
    "c/c_stub.go": '//go:build !cgo\n\npackage c\n\nfunc One() int { panic("c needs cgo here") }\n',
}
UNDEFINED = {**ONLY_C, "c/more.go": "package c\n"}
BY_TAG = {
    **ONLY_C,
    "c/c.go": f"//go:build !pure_one\n\n{ONLY_C['c/c.go']}",
    "c/pure.go": "//go:build pure_one || !cgo\n\npackage c\n\nfunc One() int { return 1 }\n",
    "main.go": ONLY_C["main.go"].replace("import ", 'import _ "os/user"\nimport '),
}


def needs_c(go: Toolchain) -> None:
    if not go.cc:
        pytest.skip("there is no C compiler")


def names(report: CgoReport) -> list[str]:
    return [cause.package for cause in report.causes]


def switch(report: CgoReport, name: str) -> Switch:
    found = report.switch(name)
    assert found is not None
    return found


def only(report: CgoReport) -> Cause:
    (cause,) = report.causes
    return cause


@pytest.mark.parametrize("release", ["current", "article"])
def test_net_and_user(release: str) -> None:
    go = toolchain(release)
    needs_c(go)
    report = cgo_report(find_program("netuser"), go)
    assert names(report) == ["net", "os/user"]
    assert [cause.removed_by for cause in report.causes] == [
        ("CGO_ENABLED=0", "netgo"),
        ("CGO_ENABLED=0", "osusergo"),
    ]
    assert all(cause.standard and not cause.module for cause in report.causes)
    assert report.default_linking.startswith("dynamic, by Go's own linker, needs libc.so.6")
    found = {own.name: (own.removes, own.left, own.builds) for own in report.switches}
    assert found == {
        "CGO_ENABLED=0": (("net", "os/user"), (), True),
        "netgo": (("net",), ("os/user",), True),
        "osusergo": (("os/user",), ("net",), True),
        "purego": ((), ("net", "os/user"), True),
        "netgo,osusergo": (("net", "os/user"), (), True),
    }
    for name in ("CGO_ENABLED=0", "netgo,osusergo"):
        own = switch(report, name)
        assert own.linking == "static Go, by Go's own linker"
        assert [text.partition(":")[0] for text in own.differs] == ["Names", "Users"]
    assert switch(report, "netgo").linking == report.default_linking


def test_the_builds_are_what_the_switches_say(current_go: Toolchain) -> None:
    """The file itself says CGO_ENABLED and the tags, and whether runtime/cgo is in it."""
    needs_c(current_go)
    netuser = find_program("netuser")
    report = cgo_report(netuser, current_go)
    for config in (find_config("trim"), BuildConfig("t", tags=("netgo", "osusergo"))):
        binary = build(netuser, config, current_go)
        assert binary.path
        with open_elf(binary.path) as elf:
            info = read_buildinfo(elf)
        assert info
        assert info.settings["CGO_ENABLED"] == str(int(bool(config.tags)))
        assert info.settings.get("-tags", "") == ",".join(config.tags)
        said = subprocess.run(
            [str(current_go.go), "tool", "nm", str(binary.path)],
            env=current_go.environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "x_cgo_init" not in said
    assert not switch(report, "CGO_ENABLED=0").left


def test_a_program_without_c(current_go: Toolchain) -> None:
    for name in ("hello", "empty"):
        report = cgo_report(find_program(name), current_go)
        assert report.causes == ()
        assert report.default_linking == "static Go, by Go's own linker"
        assert {own.name for own in report.switches} == {"CGO_ENABLED=0", *TAGS}
        assert all(own.builds and not own.removes for own in report.switches)
        assert report.notes == () or current_go.cc is None
        assert report.to_frame().empty


def test_a_package_of_ones_own_with_a_half_in_go(current_go: Toolchain) -> None:
    needs_c(current_go)
    report = cgo_report(find_program("cgocall"), current_go)
    cause = only(report)
    assert (cause.package, cause.chain) == ("golab/cgocall", ("golab/cgocall",))
    assert cause.removed_by == ("CGO_ENABLED=0", "purego")
    assert "add_go.go" in cause.in_its_place
    assert cause.cgo_files == ("add_c.go",)
    assert report.default_linking.startswith("dynamic, by a C linker")
    assert any("golab/cgocall makes Go leave the linking to a C linker" in n for n in report.notes)
    assert switch(report, "purego").builds


def test_a_package_of_c_alone_does_not_build_without(current_go: Toolchain, tmp_path: Path) -> None:
    program = write(tmp_path, ONLY_C)
    for try_builds in (False, True):
        report = cgo_report(program, current_go, try_builds)
        own = switch(report, "CGO_ENABLED=0")
        assert own.builds is False
        assert own.error == (
            "It does not build: example.org/app/c is left without any Go file, "
            "and example.org/app imports it."
        )
        assert own.differs == ()
        assert "the program does not build" in only(report).in_its_place
    assert not build(program, find_config("trim"), current_go).path


def test_a_stub_is_told_with_its_own_words(current_go: Toolchain, tmp_path: Path) -> None:
    report = cgo_report(write(tmp_path, STUB), current_go)
    assert only(report).in_its_place == "a stub (c_stub.go)"
    own = switch(report, "CGO_ENABLED=0")
    assert own.builds
    assert "stub in place of its C; its source says “c needs cgo here”" in own.differs[0]


def test_what_is_missing_then_is_the_compilers_word(current_go: Toolchain, tmp_path: Path) -> None:
    report = cgo_report(write(tmp_path, UNDEFINED), current_go)
    own = switch(report, "CGO_ENABLED=0")
    assert own.builds is False
    assert own.error
    assert "undefined: c.One" in own.error
    assert "\n" not in own.error
    listed = cgo_report(Program("app", tmp_path), current_go, try_builds=False)
    assert switch(listed, "CGO_ENABLED=0").builds is None
    assert listed.default_linking == "not built"


def test_a_tag_of_the_package_is_found_and_tried(current_go: Toolchain, tmp_path: Path) -> None:
    needs_c(current_go)
    report = cgo_report(write(tmp_path, BY_TAG), current_go)
    assert names(report) == ["example.org/app/c", "os/user"]
    assert report.causes[0].removed_by == ("CGO_ENABLED=0", "pure_one")
    assert switch(report, "pure_one").removes == ("example.org/app/c",)
    together = report.switches[-1]
    assert (together.name, together.left, together.builds) == ("osusergo,pure_one", (), True)
    assert together.linking == "static Go, by Go's own linker"


def test_a_program_that_does_not_build_at_all_is_still_explained(
    current_go: Toolchain, tmp_path: Path
) -> None:
    text = 'package main\n\nimport _ "os/user"\n\nfunc main() { undefined() }\n'
    report = cgo_report(write(tmp_path, {"main.go": text}), current_go)
    assert names(report) == ["os/user"]
    assert report.default_linking.startswith("not built: ")
    assert "undefined: undefined" in report.default_linking
    assert switch(report, "CGO_ENABLED=0").builds is False


def test_facts_that_people_trip_over_are_noted(current_go: Toolchain, tmp_path: Path) -> None:
    program = write(
        tmp_path,
        {
            "main.go": "package main\n\nfunc add() int\n\nfunc main() { println(add()) }\n",
            "add_amd64.s": "TEXT ·add(SB), 4, $0-8\n\tMOVQ $1, ret+0(FP)\n\tRET\n",
            "add_arm64.s": "TEXT ·add(SB), 4, $0-8\n\tMOVD $1, R0\n\tMOVD R0, ret+0(FP)\n\tRET\n",
            "other.go": f"//go:build windows\n\npackage main\n\n{C}",
        },
    )
    report = cgo_report(program, current_go)
    assert report.causes == ()
    notes = " ".join(report.notes)
    assert "Assembly needs no cgo" in notes
    assert "Only in files that are left out" in notes
    assert notes.count("example.org/app") == 2
    assert switch(report, "CGO_ENABLED=0").builds


def test_without_a_c_compiler_the_default_is_without_c(current_go: Toolchain) -> None:
    from dataclasses import replace

    report = cgo_report(find_program("netuser"), replace(current_go, cc=None))
    assert names(report) == ["net", "os/user"]
    assert report.default_linking == "static Go, by Go's own linker"
    assert "no C compiler" in report.notes[0]


def test_there_and_back_through_json(current_go: Toolchain) -> None:
    report = cgo_report(find_program("netuser"), current_go)
    assert CgoReport.from_dict(json.loads(json.dumps(report.as_dict()))) == report
    frame = report.to_frame()
    assert list(frame.index) == ["net", "os/user"]
    assert frame.loc["net", "chain"] == "golab/netuser → net"
    assert next(iter(report.switches_frame()["builds"])) == "yes"


def test_builds_made_elsewhere_fill_in_what_is_not_known(current_go: Toolchain) -> None:
    netuser = find_program("netuser")
    listed = cgo_report(netuser, current_go, try_builds=False)
    assert all(own.builds is None for own in listed.switches)
    made = [build(netuser, find_config(name), current_go) for name in ("default", "trim")]
    filled = with_builds(listed, made)
    whole = cgo_report(netuser, current_go)
    assert filled.default_linking == whole.default_linking
    assert switch(filled, "CGO_ENABLED=0") == switch(whole, "CGO_ENABLED=0")
    assert switch(filled, "netgo").builds is None


def test_it_says_how_far_it_is_and_stops(current_go: Toolchain) -> None:
    told: list[tuple[str, int, int]] = []
    cgo_report(find_program("hello"), current_go, True, lambda *step: told.append(step))
    assert told.count(("list", 1, 4)) == 4
    assert told[-1] == ("build", 1, 2)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        cgo_report(find_program("hello"), current_go, stop=stop)


def test_a_library_is_refused(current_go: Toolchain, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="app is a library"):
        cgo_report(write(tmp_path, {"a.go": "package app\n"}), current_go)


def test_a_module_of_others_left_empty_is_seen_as_broken(
    current_go: Toolchain, tmp_path: Path
) -> None:
    """For packages in the module cache go list gives no error: the package just has no file."""
    from labhelpers.modules import modules_missing

    module, version = "github.com/DataDog/zstd", "v1.5.7"
    program = write(
        tmp_path,
        {
            "main.go": f'package main\n\nimport _ "{module}"\n\nfunc main() {{}}\n',
            "go.mod": f"module example.org/app\n\ngo 1.21\n\nrequire {module} {version}\n",
            "go.sum": (
                f"{module} {version} h1:ybO8RBeh29qrxIhCA9E8gKY6xfONU9T6G6aP9DTKfLE=\n"
                f"{module} {version}/go.mod h1:g4AWEaM3yOg3HYfnJ3YIawPnVdXJh9QME85blwSAmyw=\n"
            ),
        },
    )
    if why := modules_missing(program, current_go):
        pytest.skip(why)
    other = dependencies(program, current_go, cgo=False)
    said = broken(other)
    binary = build(program, find_config("trim"), current_go)
    assert (said is None) == (binary.path is not None)
    assert said
    assert f"{module} is left without any Go file, and example.org/app imports it" in said
