"""The recorded run: it bears out what is said of it, here and in the README."""

import json
from pathlib import Path

import pytest

from labhelpers.documents import study_document
from labhelpers.effects import cell_comparisons
from labhelpers.errors import LabError
from labhelpers.files import read_json
from labhelpers.readings import readings
from labhelpers.recorded import data_folder, load_recorded
from labhelpers.study import Study
from labhelpers.verdict import verdict

README = Path(__file__).resolve().parent.parent / "README.md"


def test_figures_follow_from_the_launches() -> None:
    study, source = load_recorded("reproduce")
    kept = read_json(data_folder() / "reproduce.json")
    assert kept.pop("recorded") == source
    document = json.loads(json.dumps(study_document(study)))
    assert len(document.pop("launches")) == study.rounds * 20 * 11
    assert len(document.pop("main_launches")) == 20 * 20 * 11
    assert document == kept


def test_provenance_is_complete_and_names_no_place() -> None:
    _, source = load_recorded("reproduce")
    assert source["command"].startswith("golab reproduce --record reproduce --rounds ")
    assert source["date"]
    assert source["golab"]
    text = (data_folder() / "reproduce.json").read_text()
    assert not any(place in text for place in ("/root", "/home", "/tmp", "/work"))


def test_readme_tells_the_recorded_verdict() -> None:
    study, source = load_recorded("reproduce")
    judged = verdict(study, readings(study))
    text = " ".join(README.read_text().split())
    assert f"**{judged.word.capitalize()}.**" in text
    for sentence in judged.sentences:
        assert sentence in text
    assert source["date"] in text
    assert f"{study.rounds} rounds" in text
    assert study.machine["cpu"] in text


def verdicts(study: Study, config: str, cache: str, programs: set[str]) -> set[str]:
    return {
        c.verdict
        for cell in study.launches
        if cell.cache == cache and cell.program in programs
        for c in cell_comparisons(study, cell)
        if c.candidate == config
    }


def test_readme_summary_follows_from_the_record() -> None:
    study, _ = load_recorded("reproduce")
    with_cgo = {"cgocall", "netuser", "httpd"}
    everything = set(study.programs)
    assert verdicts(study, "strip", "cold", everything) == {"faster"}
    assert "faster" not in verdicts(study, "strip", "warm", everything)
    assert verdicts(study, "trim", "warm", with_cgo) == {"faster"}
    assert verdicts(study, "trim", "warm", everything - with_cgo) == {"not resolved"}
    assert "faster" not in verdicts(study, "strip+external+trim-tags", "warm", everything)


def test_an_unknown_record_is_one_sentence() -> None:
    with pytest.raises(LabError, match=r"no recorded result 'nothing': there are reproduce\."):
        load_recorded("nothing")
