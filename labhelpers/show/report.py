"""The HTML report: the lab of the experiment, executed on a given result, exported by nbconvert."""

import os
import tempfile
from pathlib import Path

from labhelpers.documents import load_study
from labhelpers.errors import LabError
from labhelpers.files import read_json, write_whole
from labhelpers.labruns import execute
from labhelpers.programs import labs_folder
from labhelpers.study import Design, Study, run_study

LAB = "12-the-63-percent.ipynb"
RESULT = "GOLAB_STUDY"
"""Names a result file; the lab then shows that result and runs no experiment of its own."""


def given_or_run(design: Design) -> Study:
    """Return the result that `$GOLAB_STUDY` names, else run the design: a lab's own experiment."""
    given = os.environ.get(RESULT)
    return load_study(read_json(Path(given))) if given else run_study(design)


def write_report(result: Path, report: Path) -> None:
    """Execute the lab on a result of `golab reproduce` and write it as one HTML file.

    Raises:
        LabError: the lab is not there, or a cell of it fails.
    """
    from nbclient.exceptions import CellExecutionError
    from nbconvert import HTMLExporter

    source = labs_folder() / LAB
    if not source.is_file():
        raise LabError(f"The report needs {source}, which is not there: run golab from a checkout.")
    # A report on some result, perhaps of another machine, is no run of the lab: the verdicts in it
    # go into no ledger.
    with tempfile.TemporaryDirectory() as ledger:
        given = {RESULT: str(result.resolve()), "GOLAB_LEDGER": ledger}
        try:
            notebook = execute(source, environment=given)
        except CellExecutionError as error:
            raise LabError(
                f"The report could not be made from {result}: {error.ename}: {error.evalue}"
            ) from error
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True)  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(notebook)
    write_whole(report, html)
