"""Builds that take other text for files of the runtime."""

import os
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from labhelpers.build import Binary, BuildConfig, build, key
from labhelpers.errors import LabError
from labhelpers.overlayfiles import Overlay, pieces, shell_lines, write_overlay
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain, toolchain

PLAIN = BuildConfig("plain", cgo=False)
ADDED = "runtime/golab_x.go", 'package runtime\n\nfunc init() { print("overlaid ", golabX) }'
"""Without a newline at its end."""


def replaced(go: Toolchain, file: str = "runtime/proc.go", value: int = 7) -> tuple[str, str]:
    text = (go.goroot / "src" / file).read_text()
    head, middle, tail = text.partition("\nfunc schedinit() {\n")
    assert middle
    return file, f"{head}\n\nvar golabX = {value}\n{middle}{tail}\n// it's \\n $HOME `true`\n"


def overlaid(go: Toolchain, *overlay: tuple[str, str]) -> Binary:
    return build(find_program("empty"), replace(PLAIN, overlay=overlay), go)


def printed(file: Path | None) -> str:
    assert file
    return subprocess.run([file], stderr=subprocess.PIPE, text=True, check=True).stderr


@pytest.mark.parametrize("release", ["article", "current"])
def test_a_file_is_replaced_and_one_is_added(release: str) -> None:
    go = toolchain(release)
    binary = overlaid(go, replaced(go), ADDED)
    assert binary.error is None, binary.log
    assert printed(binary.path) == "overlaid 7"
    assert " -overlay=overlay.json " in binary.command
    assert "golabX" not in (go.goroot / "src/runtime/proc.go").read_text()
    assert not (go.goroot / "src" / ADDED[0]).exists()


def test_the_script_gives_the_same_file(current_go: Toolchain, tmp_path: Path) -> None:
    binary = overlaid(current_go, replaced(current_go), ADDED)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
    subprocess.run(["sh", "-c", binary.script], env=environment, cwd="/", check=True)
    (made,) = tmp_path.glob("tmp.*/source/empty")
    assert sha256(made.read_bytes()).hexdigest() == binary.sha256


def test_the_script_holds_what_is_new_and_not_whole_files(current_go: Toolchain) -> None:
    binary = overlaid(current_go, replaced(current_go), ADDED)
    assert "var golabX = 7" in binary.script
    assert len(binary.script) < 10_000 < len(replaced(current_go)[1])


def test_the_script_is_the_same_from_the_cache(current_go: Toolchain) -> None:
    first = overlaid(current_go, replaced(current_go), ADDED)
    assert overlaid(current_go, replaced(current_go), ADDED) == first


def test_what_does_not_compile_is_a_failed_build(current_go: Toolchain) -> None:
    file, text = replaced(current_go)
    binary = overlaid(current_go, (file, text + "\nnot Go\n"))
    assert binary.path is None
    assert binary.error
    assert "proc.go" in binary.error


def test_the_text_is_part_of_the_key(current_go: Toolchain) -> None:
    hello = find_program("hello")
    overlays: list[Overlay] = [
        (),
        (("runtime/a.go", "one"),),
        (("runtime/a.go", "two"),),
        (("runtime/b.go", "one"),),
        (("runtime/a.go", "one"), ("runtime/b.go", "one")),
    ]
    configs = [replace(PLAIN, overlay=overlay) for overlay in overlays]
    keys = {key(hello, "content", config, current_go) for config in configs}
    assert len(keys) == len(overlays)
    assert key(hello, "content", replace(configs[1], name="other"), current_go) in keys


@pytest.mark.parametrize(
    "name", ["/runtime/proc.go", "../runtime/proc.go", "runtime/../../x.go", "proc.go", ""]
)
def test_files_outside_of_the_sources_are_refused(
    current_go: Toolchain, tmp_path: Path, name: str
) -> None:
    with pytest.raises(LabError, match="cannot be replaced in a build"):
        write_overlay(((name, "package x"),), current_go.goroot, tmp_path / "new")
    with pytest.raises(LabError, match="cannot be replaced in a build"):
        overlaid(current_go, (name, "package x"))


def test_a_file_given_twice_is_refused(current_go: Toolchain) -> None:
    twice = ("runtime/a.go", "package runtime")
    with pytest.raises(LabError, match="name each file once"):
        overlaid(current_go, twice, twice)


def test_the_shell_writes_what_the_build_writes(tmp_path: Path) -> None:
    goroot = tmp_path / "it's a $root"
    original = goroot / "src/runtime/proc.go"
    original.parent.mkdir(parents=True)
    original.write_text("".join(f"line {n}\n" for n in range(100)))
    lines = original.read_text().splitlines(keepends=True)
    new = "".join(["first\n", *lines[3:50], "\tx := `$HOME \\n 'END'`\n", "\n", *lines[50:]])
    overlay = ("runtime/proc.go", new), ("runtime/new.go", "END\n\nEND_12345678\nEOF"), ("a/b", "")
    table = write_overlay(overlay, goroot, tmp_path / "python")
    script = shell_lines(overlay, goroot) + '\nmv "$overlay" ' + str(tmp_path / "shell")
    subprocess.run(["sh", "-eu", "-c", script], check=True)
    made = sorted((tmp_path / "shell").iterdir())
    assert len(made) == 4
    for file in made:
        text = file.read_text()
        if file.name == "overlay.json":  # the folder is another one
            place = text.partition('src/runtime/proc.go":"')[2].partition("/0-proc.go")[0]
            text = text.replace(place, str(table.parent)).replace(":", ": ").replace(",", ", ")
        assert text == (table.parent / file.name).read_text()


def test_only_new_lines_are_in_the_script(tmp_path: Path) -> None:
    original = tmp_path / "a.go"
    original.write_text("one\ntwo\nthree\n")
    assert pieces(original, "one\nnew\nthree\n")[0] == f"sed -n 1,1p {original}"
    assert len(pieces(original, "one\nnew\nthree\n")) == 3
