"""The panel and the page of an answer in a real browser: JupyterLab, and a file on the disk."""

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest

from labhelpers.advice.advise import Question, advise
from labhelpers.advice.answer import Advice
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.show.advice_html import advice_page
from labhelpers.toolchain import Toolchain

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or importlib.util.find_spec("playwright") is None,
    reason="no browser to try the panel in: it takes the system's chromium and playwright",
)
CELLS = {
    "first": "from labhelpers.show.advise_panel import advise_panel\n"
    "one = advise_panel('hello', rounds=400, caches=('warm',), seed=1)\none",
    "second": "two = advise_panel('empty', rounds=10_000, caches=('warm',), seed=1)\ntwo",
    "alive": "print('alive', 6 * 7)",
}
READY_MS, DONE_MS = 60_000, 240_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab on a notebook with two panels; yield the notebook's address."""
    folder, home = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")
    cells = [nbformat.v4.new_code_cell(text, id=name) for name, text in CELLS.items()]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    book = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(book, folder / "panels.ipynb")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--notebook-dir={folder}"),
        f"--IdentityProvider.token={token}",
    ]
    own = {"HOME": str(home), "GOLAB_CACHE": str(cache_dir()), "JUPYTER_PREFER_ENV_PATH": "1"}
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **own}, cwd=folder, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api/status?token={token}", server)
        yield f"{address}/lab/tree/panels.ipynb?token={token}&reset"
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        assert server.poll() is None, "JupyterLab ended by itself"
        try:
            with urlopen(address, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("JupyterLab did not answer")


@pytest.fixture(scope="module")
def page(browser: Any, lab: str) -> Any:  # noqa: ANN401
    """Return the notebook, opened, with its first two cells run."""
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.goto(lab, timeout=READY_MS)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=READY_MS)
    run_cell(page, 0)
    panel(page, 0).get_by_role("button", name="Stop").wait_for(timeout=READY_MS)
    run_cell(page, 1)
    page.get_by_role("button", name="Build and measure").nth(1).wait_for(timeout=READY_MS)
    return page


def run_cell(page: Any, index: int) -> None:  # noqa: ANN401
    page.locator(".jp-CodeCell .cm-content").nth(index).click(timeout=READY_MS)
    page.keyboard.press("Control+Enter")


def panel(page: Any, index: int) -> Any:  # noqa: ANN401
    return page.locator(".jp-CodeCell").nth(index)


def button(page: Any, index: int, name: str) -> Any:  # noqa: ANN401
    return panel(page, index).get_by_role("button", name=name)


def test_it_builds_measures_and_answers_while_the_kernel_stays_free(
    page: Any,  # noqa: ANN401
) -> None:
    button(page, 0, "Build and measure").click()
    status = panel(page, 0).get_by_role("status")
    status.wait_for(timeout=READY_MS)
    button(page, 1, "Build and measure").click()
    panel(page, 1).get_by_text("Another panel of this notebook").wait_for(timeout=READY_MS)
    run_cell(page, 2)
    panel(page, 2).get_by_text("alive 42").wait_for(timeout=10_000)
    assert "Done." not in status.inner_text()
    panel(page, 0).get_by_text("Done.", exact=True).wait_for(timeout=DONE_MS)
    panel(page, 0).get_by_text("hello: ").first.wait_for()
    with page.expect_download() as saved:
        panel(page, 0).get_by_role("link", name="Save the report").click()
    assert saved.value.suggested_filename == "advice-hello.html"
    assert "<h1>hello: " in Path(saved.value.path()).read_text()
    panel(page, 0).get_by_text("Read the report here").click()
    report = panel(page, 0).frame_locator("iframe")
    report.get_by_role("button", name="Copy the command").click(timeout=10_000)
    report.get_by_role("status").filter(has_text="Copied.").wait_for(timeout=10_000)


@pytest.fixture(scope="module")
def answer(current_go: Toolchain) -> Advice:
    question = Question(find_program("hello"), current_go, rounds=12, seed=1, caches=("warm",))
    return advise(question)


@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_of_an_answer_fits_and_copies_its_command(
    browser: Any,  # noqa: ANN401
    answer: Advice,
    tmp_path: Path,
    width: int,
) -> None:
    (tmp_path / "answer.html").write_text(advice_page(answer))
    page = browser.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto((tmp_path / "answer.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Copied.").wait_for(timeout=10_000)
    page.evaluate("document.body.prepend(document.createElement('textarea'))")
    page.locator("textarea").click()
    page.keyboard.press("Control+V")
    assert page.locator("textarea").input_value() == answer.recommended.command
    page.emulate_media(media="print")
    assert not page.get_by_role("button", name="Copy the command").is_visible()
    assert complaints == [(tmp_path / "answer.html").as_uri()]


def test_it_stops_at_once_and_leaves_nothing(page: Any) -> None:  # noqa: ANN401
    button(page, 1, "Build and measure").click()
    panel(page, 1).get_by_text("Starting and measuring").wait_for(timeout=DONE_MS)
    begin = time.monotonic()
    button(page, 1, "Stop").click()
    panel(page, 1).get_by_text("Stopped.").wait_for(timeout=20_000)
    assert time.monotonic() - begin < 5
    assert not list(cache_dir("runs").glob("*/empty-*"))


def test_an_error_is_one_sentence_in_the_panel(page: Any) -> None:  # noqa: ANN401
    panel(page, 1).get_by_label("Package").fill("no-such-program")
    panel(page, 1).get_by_label("Package").press("Tab")
    button(page, 1, "Build and measure").click()
    panel(page, 1).get_by_text("no program named 'no-such-program'").wait_for(timeout=READY_MS)
    assert not button(page, 1, "Build and measure").is_disabled()


def test_a_field_that_is_not_asked_for_cannot_be_filled(page: Any) -> None:  # noqa: ANN401
    address = panel(page, 1).get_by_label("Port or URL")
    assert address.is_disabled()
    panel(page, 1).get_by_label("A start is done").select_option("when a TCP port answers")
    page.wait_for_function("() => true")
    address.fill("8080", timeout=10_000)
    address.press("Tab")
    panel(page, 1).get_by_text("--ready-tcp 8080").wait_for(timeout=10_000)
