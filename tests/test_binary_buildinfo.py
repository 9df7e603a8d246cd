import struct
import subprocess
from pathlib import Path

import pytest

from labhelpers.binary.buildinfo import MAGIC, BuildInfo, Module, read_buildinfo
from labhelpers.binary.elf import open_elf
from labhelpers.build import BuildConfig, build
from labhelpers.configs import find_config
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain, toolchain


def read(path: Path) -> tuple[BuildInfo | None, list[str]]:
    with open_elf(path) as elf:
        return read_buildinfo(elf), elf.notes


def said_by_go(path: Path, go: Toolchain) -> list[str]:
    """Return the lines of `go version -m` without the file's name."""
    argv = [str(go.go), "version", "-m", str(path)]
    answer = subprocess.run(argv, env=go.environment(), capture_output=True, text=True, check=True)
    first, *lines = answer.stdout.removeprefix(f"{path}: ").splitlines()
    return [first, *filter(None, (line.strip() for line in lines))]


def as_lines(info: BuildInfo) -> list[str]:
    """Return build information in the form of `go version -m`."""
    lines = [f"go{info.go}", *([f"path\t{info.path}"] if info.path else [])]
    for kind, module in [("mod", info.main), *(("dep", module) for module in info.modules)]:
        if module:
            lines.append(f"{kind}\t{module.path}\t{module.version}\t{module.sum}".strip())
            if module.replaced:
                lines.append("=>\t" + module.replaced.replace(" ", "\t"))
    return lines + [f"build\t{name}={quoted(value)}" for name, value in info.settings.items()]


def quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value


@pytest.fixture(scope="session")
def hello(current_go: Toolchain) -> Path:
    path = build(find_program("hello"), find_config("strip"), current_go).path
    assert path
    return path


@pytest.mark.parametrize("release", ["current", "article"])
@pytest.mark.parametrize("config", ["default", "trim-tags", "pie"])
def test_says_what_go_version_says(release: str, config: str) -> None:
    go = toolchain(release)
    path = build(find_program("netuser"), find_config(config), go).path
    assert path
    info, notes = read(path)
    assert info
    assert info.go == go.release
    assert as_lines(info) == said_by_go(path, go)
    assert not notes


def test_reads_modules_what_replaces_them_and_quoted_switches(
    tmp_path: Path, current_go: Toolchain
) -> None:
    for name in ("app", "lib"):
        (tmp_path / name).mkdir()
    (tmp_path / "lib" / "go.mod").write_text("module example.org/lib\n\ngo 1.21\n")
    (tmp_path / "lib" / "lib.go").write_text("package lib\n\nfunc Print() { println(1) }\n")
    (tmp_path / "app" / "go.mod").write_text(
        "module example.org/app\n\ngo 1.21\n\nrequire example.org/lib v1.2.3\n\n"
        "replace example.org/lib => ../lib\n"
    )
    (tmp_path / "app" / "main.go").write_text(
        'package main\n\nimport "example.org/lib"\n\nfunc main() { lib.Print() }\n'
    )
    config = BuildConfig(ldflags="-s -w -X main.version=a=b", trimpath=False)
    path = build(Program("app", tmp_path / "app"), config, current_go).path
    assert path
    info, _ = read(path)
    assert info
    assert info.main
    assert (info.path, info.main.path) == ("example.org/app", "example.org/app")
    assert info.modules == [Module("example.org/lib", "v1.2.3", "", "../lib (devel)")]
    assert info.settings["-ldflags"] == "-s -w -X main.version=a=b"
    assert as_lines(info) == said_by_go(path, current_go)


def test_finds_it_without_section_headers(hello: Path, tmp_path: Path) -> None:
    content = bytearray(hello.read_bytes())
    content[40:48] = bytes(8)  # e_shoff
    content[60:64] = bytes(4)  # e_shnum, e_shstrndx
    bare = tmp_path / "bare"
    bare.write_bytes(content)
    info, _ = read(bare)
    assert info
    assert info == read(hello)[0]


def test_reads_the_older_form_with_pointers(
    hello: Path, tmp_path: Path, current_go: Toolchain
) -> None:
    with open_elf(hello) as elf:
        section = elf.section(".go.buildinfo")
    assert section
    release, lines = b"go1.17.13", b"0" * 16 + b"path\tx\nmod\tx\t(devel)\t\n" + b"1" * 16
    strings = section.address + 64
    blob = MAGIC + bytes([8, 0]) + struct.pack("<QQ", section.address + 32, section.address + 48)
    blob += struct.pack("<QQ", strings, len(release))
    blob += struct.pack("<QQ", strings + len(release), len(lines)) + release + lines
    assert len(blob) <= section.size
    content = bytearray(hello.read_bytes())
    content[section.offset : section.offset + len(blob)] = blob
    old = tmp_path / "old"
    old.write_bytes(content)
    old.chmod(0o755)  # go version passes over what cannot be run
    info, notes = read(old)
    assert info
    assert (info.go, info.path) == ("1.17.13", "x")
    assert not notes
    assert as_lines(info) == said_by_go(old, current_go)


@pytest.mark.parametrize(
    "blob",
    [
        MAGIC + bytes([8, 2]) + bytes(16) + b"\xff" * 32,  # a length without end
        MAGIC + bytes([8, 2]) + bytes(16) + b"\xff\xff\xff\xff\x7f",  # 34 GB long
        MAGIC + bytes([8, 0]) + b"\xff" * 16,  # pointers to nowhere
        MAGIC + bytes([7, 0]) + b"\xff" * 16,  # pointers of seven bytes
        MAGIC + bytes([8, 2]) + bytes(48),  # no release
    ],
)
def test_says_what_is_damaged(hello: Path, tmp_path: Path, blob: bytes) -> None:
    with open_elf(hello) as elf:
        section = elf.section(".go.buildinfo")
    assert section
    content = bytearray(hello.read_bytes())
    content[section.offset : section.offset + len(blob)] = blob
    broken = tmp_path / "broken"
    broken.write_bytes(content)
    info, notes = read(broken)
    assert info is None
    assert any("build information is damaged" in note for note in notes)


def test_nothing_in_a_program_that_is_not_go() -> None:
    assert read(Path("/bin/sh")) == (None, [])
