"""Run the labs from a fresh kernel each and keep their outputs: what makes the committed ones.

    python tests/execute_labs.py [LAB.ipynb …]

Kept are the outputs and nothing that differs from run to run without meaning: no widget state, no
execution times, no version of the interpreter. What the labs found on the article's claims becomes
the committed ledger, so that it stems from the same run as the outputs.
"""

import os
import sys
from pathlib import Path

import nbformat

from labhelpers.evidence import recorded_folder
from labhelpers.labruns import execute

WIDGET = "application/vnd.jupyter.widget-view+json"
LABS = Path(__file__).resolve().parent.parent / "labs"


def keep(path: Path) -> None:
    """Execute one notebook in place."""
    notebook = execute(path)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # Without the widget's state a viewer would show an error in place of the picture.
            output.get("data", {}).pop(WIDGET, None)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    os.environ["GOLAB_LEDGER"] = str(recorded_folder())
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else sorted(LABS.glob("*.ipynb")):
        print(path.name, flush=True)
        keep(path)
