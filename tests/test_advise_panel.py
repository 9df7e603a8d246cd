"""The panel of `golab advise` without a browser: its fields, its runs, and their ends."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labhelpers.advice.answer import Advice
from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.show.advice_html import answer_fragment
from labhelpers.show.advise_panel import AdvisePanel, advise_panel
from labhelpers.show.advise_run import WHENS, AdviseRun, Asked, Told
from labhelpers.startup.until import Exit, FirstByte, Http, Tcp

LONG = 120.0


def children() -> set[int]:
    """Return the processes that this one has started and that still run."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            state, parent = stat.rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(folder.name))
    return found


def until(condition: Callable[[], bool], seconds: float = LONG) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """Write a program that no build cache knows, and whose build takes a while."""
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "go.mod").write_text("module slow\n\ngo 1.21\n")
    functions = "\n".join(
        f"func f{n}(m map[string]int) {{ for k, v := range m {{ fmt.Println(k, v*{n}) }} }}"
        for n in range(4000)
    )
    calls = "\n".join(f"f{n}(nil)" for n in range(4000))
    text = f'package main\n\nimport "fmt"\n\n{functions}\n\nfunc main() {{\n{calls}\n}}\n'
    (folder / "main.go").write_text(f"{text}\n// {os.urandom(8).hex()}\n")
    return folder


def small(package: str = "hello") -> AdvisePanel:
    return advise_panel(package, rounds=12, caches=("warm",), seed=1)


@pytest.fixture(scope="module")
def done() -> AdvisePanel:
    """Return a panel whose run has ended well."""
    panel = small()
    panel.start_button.click()
    assert panel.wait(LONG)
    assert panel.result, panel.progress.value
    return panel


@pytest.mark.parametrize(
    ("asked", "expected", "command"),
    [
        (Asked("hello"), Exit(), "golab advise hello"),
        (Asked("x", "-a 'b c'"), Exit(), """golab advise x --args '-a '"'"'b c'"'"''"""),
        (Asked("x", when="first byte"), FirstByte(), "golab advise x --first-byte"),
        (
            Asked("x", when="tcp", address="8080"),
            Tcp("127.0.0.1", 8080),
            "golab advise x --ready-tcp 8080",
        ),
        (
            Asked("x", when="http", address="http://[::1]:81/a"),
            Http("http://[::1]:81/a", "::1", 81),
            "golab advise x --ready-http 'http://[::1]:81/a'",
        ),
    ],
)
def test_what_is_filled_in_means_what_the_command_line_means(
    asked: Asked, expected: object, command: str
) -> None:
    assert asked.until() == expected
    assert asked.command() == command


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked("x", when="tcp"), "is no port: write it like 8080"),
        (Asked("x", when="tcp", address="80800"), "'80800' is no port"),
        (Asked("x", when="http", address="example"), "write it like http://"),
        (Asked(""), "Name a package first"),
        (Asked("hello", "'"), "check its quotes"),
        (Asked("no-such-program"), "no program named 'no-such-program'"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(asked: Asked, words: str) -> None:
    with pytest.raises(LabError, match=words.replace("[", r"\[")):
        asked.question(threading.Event())


def test_every_way_to_be_ready_can_be_chosen() -> None:
    panel = advise_panel()
    assert [name for _, name in panel.when.options] == list(WHENS)
    for name in WHENS:
        panel.when.value = name
        assert panel.address.disabled == (name not in ("tcp", "http"))
    panel.address.value = "http://127.0.0.1:8080/<b>"
    assert "--ready-http" in panel.command.value
    assert "<b>" not in panel.command.value


def test_a_run_ends_with_the_answer_and_the_report(done: AdvisePanel) -> None:
    assert isinstance(done.result, Advice)
    assert done.answer.value == answer_fragment(done.result)
    assert ">Done.<" in done.progress.value
    for binary in done.result.binaries:
        assert f"<b>{binary.config}</b>: " in done.builds.value
    assert not done.start_button.disabled
    assert done.stop_button.disabled


def test_progress_counts_up_to_the_whole() -> None:
    told: list[Told] = []
    run = AdviseRun(Asked("hello"), told.append, rounds=12, caches=("warm",), seed=1)
    assert run.start()
    assert run.wait(LONG)
    assert [one.ended for one in told] == [False] * (len(told) - 1) + [True]
    for stage in ("Building", "Starting"):
        own = [one for one in told if one.words.startswith(stage)]
        counts = [one.done for one in own]
        assert counts == sorted(counts)
        assert own[-1].done == own[-1].whole > 0


def test_a_click_comes_back_at_once_and_stop_leaves_nothing(slow: Path) -> None:
    before = children()
    staged = set(cache_dir("runs").iterdir())
    panel, other = small(str(slow)), small("empty")
    begin = time.monotonic()
    panel.start_button.click()
    assert time.monotonic() - begin < 2, "the click must not wait for the work"
    until(lambda: "Building" in panel.progress.value or bool(children() - before))

    panel.start_button.click()
    assert "It is running already" in panel.progress.value
    other.start_button.click()
    assert "Another panel" in other.progress.value
    assert not other.start_button.disabled

    begin = time.monotonic()
    panel.stop_button.click()
    assert panel.wait(LONG)
    assert time.monotonic() - begin < 5, "a second, and something for a busy machine"
    assert "Stopped." in panel.progress.value
    assert panel.result is None
    assert not panel.start_button.disabled
    until(lambda: not children() - before, 5)
    assert set(cache_dir("runs").iterdir()) <= staged


def test_after_a_stop_another_panel_may_measure(slow: Path) -> None:
    panel, other = small(str(slow)), small()
    panel.start_button.click()
    panel.stop_button.click()
    assert panel.wait(LONG)
    other.start_button.click()
    assert other.wait(LONG)
    assert other.result


def test_an_error_is_told_in_the_panel_and_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module broken\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    panel = small(str(tmp_path))
    panel.start_button.click()
    assert panel.wait(LONG)
    assert panel.run
    assert panel.run.failure
    assert "undefined" in panel.progress.value
    assert panel.answer.value == ""
    assert not panel.start_button.disabled


def test_where_widgets_do_not_run_there_is_a_picture_and_a_text(done: AdvisePanel) -> None:
    for panel in (small("<i>x"), done):
        bundle = panel._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert "golab advise" in bundle["text/plain"]
        assert "golab advise" in bundle["text/html"]
        assert "<i>" not in bundle["text/html"]
        assert " object at 0x" not in str(bundle)
    assert done.result
    assert done.result.recommended.sentence[:40] in done.text()
    assert done.result.recommended.sentence[:40] in done.picture()


def test_the_end_of_the_process_ends_the_run(slow: Path, tmp_path: Path) -> None:
    own = tmp_path / "cache"
    script = (
        "import sys\n"
        "from labhelpers.show.advise_panel import advise_panel\n"
        "advise_panel(sys.argv[1]).start_button.click()\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(slow)],
        env={**os.environ, "GOLAB_CACHE": str(own)},
        stdin=subprocess.PIPE,
    ) as process:
        assert process.stdin
        until(lambda: len(using(own)) > 2)  # go, and a compiler below it
        process.stdin.close()
        assert process.wait(20) == 0
    until(lambda: not using(own), 5)


def using(folder: Path) -> list[str]:
    """Return the processes whose command line or environment names a folder."""
    found = []
    for process in Path("/proc").iterdir():
        for name in ("cmdline", "environ") if process.name.isdecimal() else ():
            try:
                text = (process / name).read_bytes()
            except OSError:
                continue
            if str(folder).encode() in text:
                found.append(process.name)
    return found
