"""What every lab in git must be: whole, run once from top to bottom, and free of what varies."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from labhelpers.claims import load_claims

LABS = sorted((Path(__file__).resolve().parent.parent / "labs").glob("*.ipynb"))
TAGS = {"nbval-ignore-output", "raises-exception"}


def notebook(path: Path) -> Any:  # noqa: ANN401
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in notebook(path).cells if cell.cell_type == "code"]


def test_there_are_labs() -> None:
    assert {"00-start-here.ipynb", "12-the-63-percent.ipynb"} <= {path.name for path in LABS}


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_format_and_metadata(path: Path) -> None:
    book = notebook(path)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    assert book.metadata.kernelspec.name == "python3"
    assert book.metadata.language_info == {"name": "python"}
    assert set(book.metadata) == {"kernelspec", "language_info"}
    for cell in book.cells:
        assert set(cell.metadata) <= {"tags"}, cell.id
        assert set(cell.metadata.get("tags", [])) <= TAGS, cell.id
        assert not re.fullmatch(r"[0-9a-f]{8}", cell.id), "ids are words, kept by hand"
    raw = path.read_bytes()
    assert b"\r" not in raw
    assert raw.endswith(b"\n")


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_outputs_stem_from_one_whole_run(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.id
            assert output.get("name") != "stderr", cell.id


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_outputs_show_no_path_and_no_address(path: Path) -> None:
    for cell in code_cells(path):
        text = json.dumps(
            [{**o, "metadata": {}} for o in cell.outputs if "image/png" not in str(o)]
        )
        assert not re.search(r"/(root|home|tmp|work|Users)/", text), cell.id
        assert " at 0x" not in text, cell.id


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_functions_are_short(path: Path) -> None:
    for cell in code_cells(path):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 10, (cell.id, node.name)
        assert not re.search(r"clear_output|update_display|with Output\(", cell.source), cell.id


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_links_between_labs_lead_somewhere(path: Path) -> None:
    for cell in notebook(path).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#:]+\.ipynb)\)", cell.source):
                assert (path.parent / target).is_file(), target


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_prediction_comes_before_measurement(path: Path) -> None:
    cells = code_cells(path)
    predicted = next(i for i, cell in enumerate(cells) if cell.id.startswith("predict"))
    measuring = r"launch\(|measure\(|advise\(|given_or_run"
    measured = [i for i, cell in enumerate(cells) if re.search(measuring, cell.source)]
    assert all(predicted < i for i in measured)


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_every_lab_says_which_claims_it_tests(path: Path) -> None:
    cells = {cell.id: cell.source for cell in code_cells(path)}
    assert f'claims_covered("{path.stem}")' in cells["claims-covered"]
    if path.stem in {claim.lab for claim in load_claims()}:
        assert cells["claims-box"].endswith("claims_box(verdicts)")
        assert "verdicts.keep()" in "".join(cells.values())
