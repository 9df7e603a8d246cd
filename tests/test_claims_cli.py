"""`golab claims`: the table, its filters, labs that run again, and two runs compared."""

import json
from pathlib import Path

import nbformat
import pytest
from test_cli import document, golab, refused
from typer.testing import CliRunner

from labhelpers.cli import app
from labhelpers.errors import CheckFailed, LabError
from labhelpers.recorded import data_folder

LIST = """
[[claim]]
id = "9-a"
section = "9"
claim = "It takes this long"
article_figure = "10 ms"
lab = "90-tiny"
cell = "cell-0"

[[claim]]
id = "9-b"
section = "9"
claim = "It is so"
lab = "90-tiny"
cell = "cell-0"
"""
KEEPS = """
from labhelpers.evidence import write_evidence
from labhelpers.measured import Measured
checks = {"9-a": {"so long": Measured(11, "ms", (10, 12))}, "9-b": {"true": True}}
write_evidence("90-tiny", checks, {"9-a": "11 ms", "9-b": ""})
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a list of two claims, and make labs of it a lab that keeps them."""
    monkeypatch.setenv("GOLAB_LEDGER", str(tmp_path / "own"))
    monkeypatch.setattr("labhelpers.labruns.labs_folder", lambda: tmp_path)
    (tmp_path / "claims.toml").write_text(LIST)
    lab(tmp_path, KEEPS)
    return tmp_path


def lab(folder: Path, source: str) -> None:
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(source, id="cell-0")]
    nbformat.write(book, folder / "90-tiny.ipynb")


def run(tiny: Path, *arguments: str) -> dict[str, object]:
    command = ["claims", "--claims", str(tiny / "claims.toml"), "--json", "-", *arguments]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def verdicts(found: dict[str, object]) -> dict[str, str]:
    rows = found["claims"]
    assert isinstance(rows, list)
    return {row["id"]: row["verdict"] for row in rows}


def test_a_run_fills_the_ledger(tiny: Path) -> None:
    assert verdicts(run(tiny)) == {"9-a": "", "9-b": ""}
    assert verdicts(run(tiny, "--run")) == {"9-a": "reproduced", "9-b": "reproduced"}
    assert verdicts(run(tiny, "--verdict", "reproduced")) == verdicts(run(tiny))


def test_another_list_s_figures_decide(tiny: Path) -> None:
    run(tiny, "--run")
    (tiny / "claims.toml").write_text(LIST.replace("10 ms", "63 ms"))
    assert verdicts(run(tiny)) == {"9-a": "refuted", "9-b": "reproduced"}


def test_runs_are_compared(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tiny, "--run")
    earlier = tiny / "earlier.json"
    earlier.write_text(json.dumps(run(tiny)))
    run(tiny, "--against", str(earlier))
    (tiny / "claims.toml").write_text(LIST.replace("10 ms", "63 ms"))
    with pytest.raises(CheckFailed, match=r"1 of 2 verdicts are the same \(50.0%\), which is less"):
        run(tiny, "--against", str(earlier))


def test_a_lab_that_fails_is_named_and_earlier_verdicts_stay(tiny: Path) -> None:
    run(tiny, "--run")
    lab(tiny, "1 / 0")
    with pytest.raises(CheckFailed, match="90-tiny did not run to the end"):
        run(tiny, "--run")
    assert verdicts(run(tiny))["9-a"] == "reproduced"


def test_bad_names_are_refused_before_labs_run(tiny: Path) -> None:
    lab(tiny, "open('ran', 'w').close()")
    for option, value in (("--section", "8"), ("--lab", "91"), ("--against", "missing.json")):
        with pytest.raises(LabError):
            run(tiny, "--run", option, value)
    assert not (tiny / "ran").exists()


def test_the_command_prints_the_table() -> None:
    done = golab("claims", "--section", "2.2", COLUMNS="100")
    assert done.returncode == 0, done.stderr
    assert "2.2-a" in done.stdout
    assert "3.1-a" not in done.stdout
    found = document(golab("claims", "--json", "-"))
    assert found["schema"] == "golab/claims/1"


def test_a_figure_that_is_not_the_article_s_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "claims.toml"
    text = (data_folder().parent / "claims.toml").read_text()
    copy.write_text(text.replace('article_figure = "63 %"', 'article_figure = "36 %"'))
    done = golab("claims", "--claims", copy, "--section", "0")
    assert done.returncode == 1
    assert "0-i: the article has no figure '36 %' at that place" in done.stderr
    copy.write_text(text)
    assert golab("claims", "--claims", copy).returncode == 0


def test_the_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    assert "No claim has the section" in refused(golab("claims", "--section", "7"))
    assert "list of claims" in refused(golab("claims", "--claims", tmp_path / "none.toml"))
