"""The links to the evidence in a real browser: JupyterLab opens the lab at that very cell."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from labserver import READY_MS, browser, jupyterlab, needs_browser

from labhelpers.claims import Claim, load_claims
from labhelpers.programs import labs_folder
from labhelpers.show.claims_box import claims_covered
from labhelpers.show.claims_figures import section_name
from labhelpers.show.ledger_view import ledger_view
from labhelpers.verdicts import choose, ledger

pytestmark = needs_browser
LAB = "02-symbols-and-stripping"


def far_claim() -> Claim:
    """A claim of the lab whose evidence lies deep in it, so that nobody sees it without a jump."""
    return [claim for claim in load_claims(LAB) if claim.cell][-1]


def first_line(cell: str) -> str:
    book = json.loads((labs_folder() / f"{LAB}.ipynb").read_text())
    source = next("".join(own["source"]) for own in book["cells"] if own["id"] == cell)
    return source.splitlines()[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lab as it is committed, and a page of the ledger beside it.

    Neither is trusted by JupyterLab, as with anyone who opens them without running them: what its
    sanitiser takes away is missing here, too.
    """
    folder = tmp_path_factory.mktemp("labs")
    shutil.copy(labs_folder() / f"{LAB}.ipynb", folder)
    boxes = [ledger_view(choose(ledger(), lab=LAB)), claims_covered(LAB)]
    cells = [
        nbformat.v4.new_code_cell(
            "box",
            id=f"box-{number}",
            execution_count=1,
            outputs=[
                nbformat.v4.new_output(
                    "execute_result",
                    {"text/html": box._repr_html_(), "text/plain": repr(box)},
                    execution_count=1,
                )
            ],
        )
        for number, box in enumerate(boxes)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    book = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(book, folder / "ledger.ipynb")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Yield the address and the token of a JupyterLab in the folder."""
    with jupyterlab(folder, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with browser() as found:
        yield found.new_page(viewport={"width": 1300, "height": 1000})


def open_book(page: Any, server: tuple[str, str], name: str) -> Any:  # noqa: ANN401
    address, token = server
    page.goto(f"{address}/lab/tree/{name}.ipynb?token={token}&reset", timeout=READY_MS)
    book = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    book.locator(".jp-CodeCell").first.wait_for(timeout=READY_MS)
    return book


def assert_in_view(page: Any, line: str) -> None:  # noqa: ANN401
    """Wait until a line of code stands in the upper half of the window."""
    shown = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .cm-line").get_by_text(
        line, exact=True
    )
    shown.first.wait_for(timeout=READY_MS)
    for _ in range(100):
        place = shown.first.bounding_box()
        if place and 0 < place["y"] < 500:
            return
        time.sleep(0.1)
    raise AssertionError(f"{line!r} is at {place}")


def test_a_link_of_the_ledger_opens_the_lab_at_the_cell(
    page: Any,  # noqa: ANN401
    server: tuple[str, str],
) -> None:
    book = open_book(page, server, "ledger")
    claim = far_claim()
    book.locator("summary", has_text=section_name(claim.section)).first.click()
    row = book.get_by_role("row").filter(
        has=page.get_by_role("rowheader", name=claim.id, exact=True)
    )
    text = row.get_by_role("cell").first
    assert text.evaluate("e => getComputedStyle(e).textAlign") == "left"
    row.get_by_role("link").click()
    page.get_by_role("tab", name=f"{LAB}.ipynb").wait_for(timeout=READY_MS)
    assert_in_view(page, first_line(claim.cell))


def test_a_link_of_a_lab_s_own_box_goes_to_its_cell(
    page: Any,  # noqa: ANN401
    server: tuple[str, str],
) -> None:
    book = open_book(page, server, LAB)
    claim = far_claim()
    book.get_by_text("Show them").click(timeout=READY_MS)
    book.get_by_role("link", name=claim.id, exact=True).first.click(timeout=READY_MS)
    assert_in_view(page, first_line(claim.cell))


def test_a_page_made_of_a_lab_has_the_anchors(folder: Path) -> None:
    from nbconvert.exporters import HTMLExporter

    html, _ = HTMLExporter().from_filename(str(folder / f"{LAB}.ipynb"))
    for claim in load_claims(LAB):
        assert f'id="cell-id={claim.cell}"' in html, claim.id
        assert f'href="#cell-id={claim.cell}"' in html, claim.id
