"""Labs that run from the command: real kernels, a failing cell, a killed kernel, Ctrl-C."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from labhelpers.errors import LabError
from labhelpers.labruns import execute, notebook_of, run_labs


def notebook(path: Path, *cells: str) -> Path:
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(text, id=f"cell-{n}") for n, text in enumerate(cells)]
    nbformat.write(book, path)
    return path


def test_outputs_come_back_and_the_file_stays(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", "x = 6", "x * 7")
    before = path.read_bytes()
    begun: list[str] = []
    book = execute(path, begun.append)
    assert book.cells[1].outputs[0]["data"]["text/plain"] == "42"
    assert begun == ["cell-0", "cell-1"]
    assert path.read_bytes() == before


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("labhelpers.labruns.labs_folder", lambda: tmp_path)
    return tmp_path


def test_a_lab_that_fails_does_not_keep_the_next_from_running(labs: Path) -> None:
    notebook(labs / "1-bad.ipynb", "1", "1 / 0", "3")
    notebook(labs / "2-dead.ipynb", "import os; os._exit(3)")
    notebook(labs / "3-good.ipynb", "open('ran', 'w').close()")
    told: list[tuple[str, int, int]] = []
    failed = run_labs(["1-bad", "2-dead", "3-good"], lambda *how: told.append(how))
    assert [(one.lab, one.cell) for one in failed] == [("1-bad", "cell-1"), ("2-dead", "cell-0")]
    assert "ZeroDivisionError" in failed[0].error
    assert (labs / "ran").exists()
    assert told == [("1-bad", 1, 3)] * 2 + [("2-dead", 1, 1), ("3-good", 1, 1)]


def test_an_unknown_lab_is_said_before_any_runs(labs: Path) -> None:
    notebook(labs / "1-good.ipynb", "open('ran', 'w').close()")
    with pytest.raises(LabError, match="no lab '2-none': there are 1-good"):
        run_labs(["1-good", "2-none"])
    assert not (labs / "ran").exists()


def test_every_claim_s_lab_has_a_notebook() -> None:
    from labhelpers.claims import load_claims

    for lab in {claim.lab for claim in load_claims()}:
        assert notebook_of(lab).is_file()


def command_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


def test_ctrl_c_ends_the_cell_what_it_started_and_the_kernel(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "a.ipynb",
        "import subprocess, os\n"
        "print(os.getpid(), file=open('kernel', 'w'), flush=True)\n"
        "subprocess.run(['sleep', '61.8'])",
        "open('went on', 'w').close()",
    )
    script = "import pathlib, sys, labhelpers.labruns as l; l.execute(pathlib.Path(sys.argv[1]))"
    running = subprocess.Popen([sys.executable, "-c", script, path], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (tmp_path / "kernel").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    kernel = int((tmp_path / "kernel").read_text())
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=30)
    assert b"KeyboardInterrupt" in error
    assert not Path(f"/proc/{kernel}").exists()
    assert not (tmp_path / "went on").exists()
    assert not [own for own in Path("/proc").glob("[0-9]*/cmdline") if b"61.8" in command_of(own)]
