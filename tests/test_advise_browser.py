"""The panel and the page of an answer in a real browser: JupyterLab, and a file on the disk."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from labserver import READY_MS, browser, jupyterlab, needs_browser

from labhelpers.advice.advise import Question, advise
from labhelpers.advice.answer import Advice
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.show.advice_html import advice_page
from labhelpers.toolchain import Toolchain

pytestmark = needs_browser
CELLS = {
    "first": "from labhelpers.show.advise_panel import advise_panel\n"
    "one = advise_panel('hello', rounds=400, caches=('warm',), seed=1)\none",
    "second": "two = advise_panel('empty', rounds=10_000, caches=('warm',), seed=1)\ntwo",
    "alive": "print('alive', 6 * 7)",
}
DONE_MS = 240_000


@pytest.fixture(scope="module")
def window() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab on a notebook with two panels; yield the notebook's address."""
    folder, home = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")
    cells = [nbformat.v4.new_code_cell(text, id=name) for name, text in CELLS.items()]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    book = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(book, folder / "panels.ipynb")
    with jupyterlab(folder, home, GOLAB_CACHE=str(cache_dir())) as (address, token):
        yield f"{address}/lab/tree/panels.ipynb?token={token}&reset"


@pytest.fixture(scope="module")
def page(window: Any, lab: str) -> Any:  # noqa: ANN401
    """Return the notebook, opened, with its first two cells run."""
    page = window.new_page(viewport={"width": 1200, "height": 1000})
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
    window: Any,  # noqa: ANN401
    answer: Advice,
    tmp_path: Path,
    width: int,
) -> None:
    (tmp_path / "answer.html").write_text(advice_page(answer))
    page = window.new_page(viewport={"width": width, "height": 900})
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
