"""Run the labs from a fresh kernel each and keep their outputs: what makes the committed ones.

    python tests/execute_labs.py [LAB.ipynb …]

Kept are the outputs and nothing that differs from run to run without meaning: no widget state, no
execution times, no version of the interpreter.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"
LABS = Path(__file__).resolve().parent.parent / "labs"


def execute(path: Path) -> None:
    """Execute one notebook in place."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    client.execute(cwd=str(path.parent))
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # Without the widget's state a viewer would show an error in place of the picture.
            output.get("data", {}).pop(WIDGET, None)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else sorted(LABS.glob("*.ipynb")):
        print(path.name, flush=True)
        execute(path)
