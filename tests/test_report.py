"""The report is the lab of the experiment, run on a result: also on one that holds little."""

import json
from pathlib import Path

from labhelpers.documents import study_document
from labhelpers.recorded import load_recorded
from labhelpers.show.report import write_report
from labhelpers.study import Cell


def test_report_of_the_recorded_run(tmp_path: Path) -> None:
    study, _ = load_recorded("reproduce")
    result, report = tmp_path / "result.json", tmp_path / "report.html"
    result.write_text(json.dumps(study_document(study)))
    write_report(result, report)
    html = report.read_text()
    assert "The 63 per cent" in html
    assert html.count("<img") >= 5
    assert f"seed {study.seed}" in html


def test_report_of_one_step_of_one_program(tmp_path: Path) -> None:
    study, _ = load_recorded("reproduce")
    cell = Cell("hello", "1.27.3", "cold")
    shown = {"default", "default (copy)", "external"}
    for launches in (study.launches, study.main_launches):
        kept = [x for x in launches[cell] if x.command in shown]
        launches.clear()
        launches[cell] = kept
    study.binaries = [
        b for b in study.binaries if (b.program, b.go) == ("hello", "1.27.3") and b.config in shown
    ]
    result, report = tmp_path / "result.json", tmp_path / "report.html"
    result.write_text(json.dumps(study_document(study)))
    write_report(result, report)
    assert "The three steps together were not measured." in report.read_text()
