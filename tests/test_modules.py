"""Programs out of the module proxy: real ones from a proxy in a folder, so that no network counts.

A GOPROXY may be a `file://` URL (https://go.dev/ref/mod#goproxy-protocol).
"""

import io
import json
import socket
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError, Stopped
from labhelpers.modules import OFFLINE, find_package, modules_missing, run_go
from labhelpers.programs import Program
from labhelpers.toolchain import toolchain

MAIN = "package main\n\nfunc main() { println(1) }\n"


def publish(proxy: Path, module: str, version: str, files: dict[str, str]) -> None:
    """Put a module into a proxy's folder, as the protocol asks for."""
    folder = proxy / module / "@v"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{version}.info").write_text(json.dumps({"Version": version}))
    (folder / f"{version}.mod").write_text(files.get("go.mod", f"module {module}\n"))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{module}@{version}/{name}", text)
    (folder / f"{version}.zip").write_bytes(content.getvalue())
    with (folder / "list").open("a") as stream:
        stream.write(f"{version}\n")


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module proxy of this test's own, and an empty module cache."""
    folder = tmp_path / "proxy"
    monkeypatch.setenv("GOPROXY", folder.as_uri())
    monkeypatch.setenv("GOSUMDB", "off")
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path / "cache"))
    yield folder
    run_go(toolchain(), ["clean", "-modcache"], tmp_path)  # it is read-only: rm cannot


def test_a_package_of_a_module_is_built_in_the_module_cache(proxy: Path) -> None:
    files = {"go.mod": "module example.com/tool\n\ngo 1.21\n", "cmd/it/main.go": MAIN}
    publish(proxy, "example.com/tool", "v1.2.3", files)
    program = find_package("example.com/tool/cmd/it@v1.2.3", toolchain())
    assert program.name == "it"
    assert program.folder.parts[-3:] == ("tool@v1.2.3", "cmd", "it")
    assert build(program, find_config("trim"), toolchain()).path


def test_the_longest_path_that_is_a_module_counts(proxy: Path) -> None:
    publish(
        proxy, "example.com/tool", "v1.0.0", {"go.mod": "module example.com/tool\n", "a.go": MAIN}
    )
    inner = {"go.mod": "module example.com/tool/cmd/v2\n", "main.go": MAIN}
    publish(proxy, "example.com/tool/cmd/v2", "v2.0.0", inner)
    assert find_package("example.com/tool/cmd/v2@v2.0.0", toolchain()).name == "cmd"
    assert find_package("example.com/tool@latest", toolchain()).folder.name == "tool@v1.0.0"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("example.com/nothing@v1.0.0", "No module proxy knows example.com/nothing@v1.0.0"),
        ("example.com/tool/cmd/no@v1.0.0", "has no package example.com/tool/cmd/no"),
        ("example.com/old@v1.0.0", "has no go.mod of its own"),
        ("@v1.0.0", "names no version of a package"),
        ("example.com/tool@", "names no version of a package"),
        ("nosuch", "There is no program named 'nosuch'"),
    ],
)
def test_what_is_not_there_is_named(proxy: Path, name: str, expected: str) -> None:
    publish(
        proxy, "example.com/tool", "v1.0.0", {"go.mod": "module example.com/tool\n", "a.go": MAIN}
    )
    publish(proxy, "example.com/old", "v1.0.0", {"main.go": MAIN})
    with pytest.raises(LabError, match=expected):
        find_package(name, toolchain())


def user_program(folder: Path) -> Program:
    folder.mkdir()
    (folder / "go.mod").write_text(
        "module example.com/own\n\ngo 1.21\n\nrequire example.com/library v1.0.0\n"
    )
    (folder / "main.go").write_text(
        'package main\n\nimport _ "example.com/library"\n\nfunc main() {}\n'
    )
    return Program("own", folder)


def tidied(proxy: Path, folder: Path) -> Program:
    files = {"go.mod": "module example.com/library\n", "a.go": "package library\n"}
    publish(proxy, "example.com/library", "v1.0.0", files)
    program = user_program(folder)
    assert run_go(toolchain(), ["mod", "tidy"], folder)[0] == 0
    assert run_go(toolchain(), ["clean", "-modcache"], folder)[0] == 0
    return program


def test_modules_are_fetched_when_they_can_be(
    proxy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tidied(proxy, tmp_path / "own")
    monkeypatch.setenv(OFFLINE, "1")
    why = modules_missing(program, toolchain())
    assert why == f"The modules of own are not here, and {OFFLINE} is set."
    monkeypatch.delenv(OFFLINE)
    assert modules_missing(program, toolchain()) is None
    monkeypatch.setenv(OFFLINE, "1")
    assert modules_missing(program, toolchain()) is None


def test_an_unreachable_proxy_is_said_to_be_one(
    proxy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tidied(proxy, tmp_path / "own")
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:1")
    why = modules_missing(program, toolchain())
    assert why
    assert "could not be fetched" in why
    with pytest.raises(LabError, match="could not be fetched"):
        find_package("example.com/library@v1.0.0", toolchain())


def test_a_changed_module_is_refused(proxy: Path, tmp_path: Path) -> None:
    program = tidied(proxy, tmp_path / "own")
    changed = {"go.mod": "module example.com/library\n", "a.go": "package library // changed\n"}
    publish(proxy, "example.com/library", "v1.0.0", changed)
    why = modules_missing(program, toolchain())
    assert why
    assert "The checksum of example.com/library@v1.0.0 is not the one that go.sum" in why


def test_a_stop_ends_a_command_that_waits_for_the_network(
    proxy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, never answers
        monkeypatch.setenv("GOPROXY", f"http://127.0.0.1:{silent.getsockname()[1]}")
        stop = threading.Event()
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(Stopped):
            find_package("example.com/tool@v1.0.0", toolchain(), stop)
