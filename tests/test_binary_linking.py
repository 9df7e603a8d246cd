import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.binary.buildinfo import read_buildinfo
from labhelpers.binary.dynamic import count_relocations, read_dynamic
from labhelpers.binary.elf import Elf, open_elf
from labhelpers.binary.linking import Linking, read_linking
from labhelpers.binary.notes import read_build_ids
from labhelpers.binary.symbols import read_symbols
from labhelpers.build import BuildConfig, build
from labhelpers.ccompiler import CCompiler, _ziglang
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain, toolchain

EXTERNAL_PIE = BuildConfig("external+pie", linkmode="external", buildmode="pie")
STATIC_PIE = replace(EXTERNAL_PIE, name="static-pie", ldflags="-extldflags=-static-pie")

# What the go command and both linkers are documented to do (go doc cmd/cgo, go doc cmd/link):
# verdict, who links, whether C gets in.
BUILDS: list[tuple[str, BuildConfig, tuple[str, str, bool]]] = [
    ("hello", find_config("default"), ("static Go", "internal", False)),
    ("hello", find_config("strip"), ("static Go", "internal", False)),
    ("hello", find_config("external"), ("dynamic", "external", True)),
    ("hello", find_config("strip+external"), ("dynamic", "external", True)),
    ("hello", find_config("static"), ("static with libc", "external", True)),
    ("hello", find_config("pie"), ("PIE without libraries", "internal", False)),
    ("hello", EXTERNAL_PIE, ("dynamic PIE", "external", True)),
    ("netuser", find_config("default"), ("dynamic", "internal", True)),
    ("netuser", find_config("strip"), ("dynamic", "internal", True)),
    ("netuser", find_config("trim"), ("static Go", "internal", False)),
    ("netuser", find_config("trim-tags"), ("static Go", "internal", False)),
    ("netuser", find_config("pie"), ("dynamic PIE", "internal", True)),
    ("cgocall", find_config("default"), ("dynamic", "external", True)),
    ("cgocall", find_config("trim-tags"), ("static Go", "internal", False)),
]


@pytest.fixture(scope="session")
def zig() -> CCompiler:
    if (found := _ziglang()) is None:
        pytest.skip("the wheel ziglang is not installed")
    return found


def compiler(go: Toolchain) -> CCompiler:
    if go.cc is None:
        pytest.skip("there is no C compiler")
    return go.cc


def built(program: str, config: BuildConfig, go: Toolchain) -> Path:
    binary = build(find_program(program), config, go)
    assert binary.path, binary.log
    return binary.path


def link(elf: Elf) -> Linking:
    return read_linking(elf, read_buildinfo(elf), read_symbols(elf))


def linking(path: Path) -> Linking:
    with open_elf(path) as elf:
        found = link(elf)
        assert not elf.notes
    return found


def evidence(found: Linking, fact: str) -> str:
    return next(row.value for row in found.evidence if row.fact == fact)


def facts(found: Linking) -> tuple[str, str, bool]:
    inside = evidence(found, "C inside")
    assert inside == "no" or inside.startswith("yes")
    return found.verdict, found.mode, inside != "no"


def without_section_headers(elf: Elf) -> Elf:
    elf.sections, elf.section_headers = (), (0, 0)
    elf.__dict__.pop("by_name", None)
    return elf


@pytest.mark.parametrize(
    ("release", "program", "config", "expected"),
    [
        pytest.param(release, *case, id=f"{release}-{case[0]}-{case[1].name}")
        for release in ("current", "article")
        for case in BUILDS
        if release == "current" or case[0] == "hello"
    ],
)
def test_verdict_is_how_it_was_built(
    release: str, program: str, config: BuildConfig, expected: tuple[str, str, bool]
) -> None:
    go = toolchain(release)
    compiler(go)
    path = built(program, config, go)
    found = linking(path)
    assert facts(found) == expected
    assert (found.interp is not None) == (expected[0] not in ("static Go", "static with libc"))
    assert bool(found.needed) == expected[0].startswith("dynamic")
    with open_elf(path) as elf:
        bare = link(without_section_headers(elf))
    assert (bare.verdict, bare.mode) == expected[:2]


def test_static_pie_by_a_machines_own_c_compiler(current_go: Toolchain) -> None:
    if compiler(current_go).source == "ziglang":
        pytest.skip("zig has no start-up code of glibc for a static PIE")
    found = linking(built("hello", STATIC_PIE, current_go))
    assert facts(found) == ("static PIE", "external", True)
    assert found.interp is None


@pytest.mark.parametrize(
    ("config", "verdict", "libc"),
    [
        (find_config("external"), "dynamic", "glibc"),
        (find_config("static"), "static with libc", "musl"),
        (EXTERNAL_PIE, "dynamic PIE", "glibc"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_zig_as_the_external_linker(
    current_go: Toolchain, zig: CCompiler, config: BuildConfig, verdict: str, libc: str
) -> None:
    found = linking(built("hello", config, replace(current_go, cc=zig)))
    assert facts(found) == (verdict, "external", True)
    assert evidence(found, "C library") == libc


@pytest.mark.parametrize("goarch", ["386", "s390x"])
def test_other_processors(current_go: Toolchain, tmp_path: Path, goarch: str) -> None:
    path = tmp_path / "hello"
    environment = current_go.environment(cgo=False) | {"GOARCH": goarch}
    argv = [str(current_go.go), "build", "-buildvcs=false", "-o", str(path), "."]
    subprocess.run(argv, cwd=find_program("hello").folder, env=environment, check=True)
    found = linking(path)
    assert facts(found) == ("static Go", "internal", False)
    assert found.stripped == "no"


def c_program(tmp_path: Path, go: Toolchain, command: tuple[str, ...], *switches: str) -> Path:
    source = tmp_path / "c.c"
    source.write_text('#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n')
    path = tmp_path / "program"
    argv = [*command, *switches, "-o", str(path), str(source)]
    subprocess.run(argv, check=True, env=go.environment(), capture_output=True)
    return path


@pytest.mark.parametrize(
    ("switches", "verdict"),
    [
        (("-no-pie",), "dynamic"),
        (("-pie", "-fPIE"), "dynamic PIE"),
        (("-shared", "-fPIC"), "shared object"),
        (("-static", "-no-pie"), "static with libc"),
        (("-static", "-no-pie", "-s"), "static with libc"),
        (("-static-pie", "-fPIE"), "static PIE"),
        (("-c",), "object file"),
    ],
)
def test_c_programs(
    current_go: Toolchain, tmp_path: Path, switches: tuple[str, ...], verdict: str
) -> None:
    cc = compiler(current_go)
    if cc.source == "ziglang" and any(switch.startswith("-static") for switch in switches):
        pytest.skip("zig has no static glibc")
    found = linking(c_program(tmp_path, current_go, cc.command, *switches))
    assert (found.verdict, found.mode) == (verdict, "not Go")
    assert found.stripped == ("-s or strip" if "-s" in switches else "no")


def test_a_static_c_program_with_musl(
    current_go: Toolchain, tmp_path: Path, zig: CCompiler
) -> None:
    by_zig = replace(current_go, cc=zig)
    found = linking(c_program(tmp_path, by_zig, zig.static_command))
    assert (found.verdict, found.mode) == ("static with libc", "not Go")
    assert evidence(found, "C library") == "musl"


def test_relocations_and_build_ids_are_those_that_readelf_shows(current_go: Toolchain) -> None:
    import re
    import shutil
    from collections import Counter

    if not shutil.which("readelf"):
        pytest.skip("there is no readelf")
    for config in ("default", "external", "pie", "static"):
        path = built("netuser", find_config(config), current_go)
        argv = ["readelf", "-rnW", str(path)]
        shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        kinds = Counter(re.findall(r"^[0-9a-f]+ +[0-9a-f]+ +(R_\w+)", shown, re.MULTILINE))
        build_id = re.search(r"Build ID: (\w+)", shown)
        with open_elf(path) as elf:
            dynamic = read_dynamic(elf)
            assert count_relocations(elf, dynamic) == kinds
            ids = read_build_ids(elf)
            assert ids.gnu == (build_id[1] if build_id else None)
            if dynamic.present:  # a static program's own relocations have no list but the section
                assert count_relocations(without_section_headers(elf), dynamic) == kinds
        answer = subprocess.run(
            [str(current_go.go), "tool", "buildid", str(path)],
            env=current_go.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert ids.go == answer.stdout.strip()


def test_a_library_name_outside_of_the_file_is_said(current_go: Toolchain, tmp_path: Path) -> None:
    path = built("netuser", find_config("default"), current_go)
    with open_elf(path) as elf:
        if not read_dynamic(elf).needed:
            pytest.skip("without a C compiler it needs no library")
        segment = next(s for s in elf.segments if s.type == "PT_DYNAMIC")
    content = bytearray(path.read_bytes())
    at = segment.offset
    while content[at] != 1:  # DT_NEEDED
        at += 16
    content[at + 8 : at + 16] = b"\xff" * 7 + b"\x7f"
    broken = tmp_path / "broken"
    broken.write_bytes(content)
    with open_elf(broken) as elf:
        found = link(elf)
        assert "A library's name lies outside of the file." in elf.notes
    assert "?" in found.needed
