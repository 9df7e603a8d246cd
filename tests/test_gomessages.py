"""Go's own words for what fails, as one sentence: made by real go commands where that is cheap."""

from pathlib import Path

import pytest

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.gomessages import explain
from labhelpers.programs import Program
from labhelpers.toolchain import toolchain

MAIN = "package main\n\nfunc main() {}\n"


def built(folder: Path, go_mod: str, source: str = MAIN) -> str:
    (folder / "go.mod").write_text(f"module example.com/it\n\n{go_mod}")
    (folder / "main.go").write_text(source)
    binary = build(Program("it", folder), find_config("trim"), toolchain())
    assert binary.error
    return explain(binary.log, "it")


def test_a_newer_go_is_named(tmp_path: Path) -> None:
    said = built(tmp_path, "go 1.99\n")
    assert said == (
        f"it needs Go 1.99 and this is Go {toolchain().release}: take a newer release (--go), or "
        "an older version of the program."
    )


def test_a_folder_in_place_of_a_module_that_is_not_there(tmp_path: Path) -> None:
    said = built(
        tmp_path,
        "go 1.21\nrequire example.com/other v1.0.0\nreplace example.com/other => ../nowhere\n",
        'package main\n\nimport _ "example.com/other"\n\nfunc main() {}\n',
    )
    assert "puts the folder ../nowhere in place of a module, and it is not there" in said


def test_an_import_without_a_module(tmp_path: Path) -> None:
    said = built(
        tmp_path, "go 1.21\n", 'package main\n\nimport _ "example.com/x/y"\n\nfunc main() {}\n'
    )
    assert "imports example.com/x/y, and its go.mod names no module that has it" in said


def test_an_import_that_the_standard_library_does_not_have(tmp_path: Path) -> None:
    said = built(tmp_path, "go 1.21\n", 'package main\n\nimport _ "nosuch"\n\nfunc main() {}\n')
    assert "imports nosuch, which the standard library of this Go release does not have" in said


def test_what_does_not_compile_is_quoted_with_its_place(tmp_path: Path) -> None:
    said = built(tmp_path, "go 1.21\n", "package main\n\nfunc main() { x }\n")
    assert said == "it does not build: ./main.go:3:15: undefined: x"


PROXY = "go: example.com/m@v1.0.0: reading https://proxy.example/example.com/m/@v/v1.0.0.mod: "


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (PROXY + "403 Forbidden", "does not give example.com/m (403 Forbidden)"),
        (
            'go: example.com/m@v1.0.0: Get "https://proxy.example/example.com/m/@v/v1.0.0.mod": '
            "dial tcp: lookup proxy.example: no such host",
            "could not be fetched (dial tcp): is there a network",
        ),
        (
            "main.go:4:2: example.com/m@v1.0.0: module lookup disabled by GOPROXY=off",
            "is not in the cache and the network is not to be used",
        ),
        (
            "verifying example.com/m@v1.0.0: checksum mismatch\n\tdownloaded: h1:a=\n"
            "\tgo.sum:     h1:b=\n\nSECURITY ERROR\nThis download does NOT match an earlier one.",
            "The checksum of example.com/m@v1.0.0 is not the one that go.sum",
        ),
        (
            "main.go:3:8: missing go.sum entry for module providing package example.com/m "
            "(imported by example.com/it); to add:\n\tgo get example.com/it",
            "The go.sum of it has no entry for example.com/m: run `go mod tidy`",
        ),
        ("", "it does not build: go said nothing"),
    ],
)
def test_what_only_a_network_says(message: str, expected: str) -> None:
    assert expected in explain(message, "it")
