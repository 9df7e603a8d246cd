"""JupyterLab, opened at the first lab."""

import json
import os
import subprocess
import sys

from labhelpers.errors import LabError
from labhelpers.programs import labs_folder

FIRST = "00-start-here.ipynb"


def open_lab() -> int:
    """Run JupyterLab in the foreground and return its exit status."""
    folder = labs_folder()
    if not (folder / FIRST).is_file():
        raise LabError(f"The labs are not in {folder}: run golab from a checkout.")
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}", str(folder / FIRST)]
    if os.geteuid() == 0:
        command.append("--allow-root")  # containers; the server listens on this machine only
    return subprocess.run(command, check=False).returncode


def contents() -> str:
    """Return the labs that are there as a Markdown list of links: title and first sentence."""
    lines = []
    for path in sorted(labs_folder().glob("*.ipynb")):
        cells = json.loads(path.read_text())["cells"]
        title, _, rest = "".join(cells[0]["source"]).strip().partition("\n")
        first = rest.strip().partition("\n\n")[0].replace("\n", " ")
        lines.append(f"- [{title.lstrip('# ')}]({path.name}): {first}")
    return "\n".join(lines)
