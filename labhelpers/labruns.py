"""Run a lab's notebook from a fresh kernel: for the ledger, and for the committed outputs."""

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from labhelpers.errors import LabError, Stopped
from labhelpers.programs import labs_folder


@dataclass(frozen=True)
class Failure:
    """A lab that did not run to its end: the cell that failed, and the last line of its error."""

    lab: str
    cell: str
    error: str


def notebook_of(lab: str) -> Path:
    """Return the notebook of a lab.

    Raises:
        LabError: there is none.
    """
    path = labs_folder() / f"{lab}.ipynb"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in labs_folder().glob("*.ipynb")))
        raise LabError(f"There is no lab {lab!r}: there are {names or 'none, run a checkout'}.")
    return path


def execute(
    path: Path,
    begin: Callable[[str], None] = lambda cell: None,
    environment: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401
    """Run every cell of a notebook and return it with its outputs; the file stays as it is.

    Ctrl-C is passed on to the cell that runs, which ends its own processes; no other cell follows.

    Args:
        path: the notebook; its folder is the kernel's.
        begin: called with the id of each code cell before it runs.
        environment: variables for the kernel, beside this process's own.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    import nbformat
    from jupyter_core.utils import ensure_async
    from nbclient import NotebookClient

    stop = Event()

    def begin_unless_stopped(cell: Any, **_: object) -> None:  # noqa: ANN401
        if stop.is_set():
            raise Stopped
        begin(cell.id)

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        on_cell_execute=begin_unless_stopped,
    )
    # In the main thread nbclient would take the signals and wait for the cell to end.
    with ThreadPoolExecutor(1) as pool:
        env = {**os.environ, **(environment or {})}
        running = pool.submit(client.execute, cwd=str(path.parent), env=env)
        try:
            running.result()
        except KeyboardInterrupt:
            stop.set()
            if client.km is not None:
                asyncio.run(ensure_async(client.km.interrupt_kernel()))
            raise
    return notebook


def run_labs(
    labs: Iterable[str], progress: Callable[[str, int, int], None] = lambda lab, more, whole: None
) -> list[Failure]:
    """Run labs one after the other, each of which keeps its verdicts; return those that failed.

    Args:
        labs: their names.
        progress: called with the lab, the cells that were done since, and how many it has.

    Raises:
        LabError: there is no such lab.
    """
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    failures = []
    for lab, path in {lab: notebook_of(lab) for lab in labs}.items():
        cells = json.loads(path.read_text())["cells"]
        whole = sum(cell["cell_type"] == "code" for cell in cells)
        begun: list[str] = []

        def begin(cell: str, lab: str = lab, begun: list[str] = begun, whole: int = whole) -> None:
            progress(lab, 1, whole)
            begun.append(cell)

        try:
            execute(path, begin)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            lines = str(error).strip().splitlines()
            failures.append(Failure(lab, begun[-1], lines[-1] if lines else "no message"))
    return failures
