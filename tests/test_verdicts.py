"""The ledger: verdicts computed from kept checks and the figures of the list of claims."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from labhelpers.claims import Claim, load_claims
from labhelpers.errors import LabError
from labhelpers.evidence import own_folder, recorded_folder, write_evidence
from labhelpers.measured import Check, Either, Measured, check_from
from labhelpers.programs import labs_folder
from labhelpers.said import parse_figure, scaled
from labhelpers.show.claims_text import counted
from labhelpers.verdicts import (
    changed,
    choose,
    claims_document,
    ledger,
    read_run,
    record_run,
    recorded_runs,
)

CLAIMS = [
    Claim("9-a", "9", "It is this long", "90-tiny", "table", "10 ms"),
    Claim("9-b", "9", "It is so", "90-tiny", "table"),
    Claim("9.1-a", "9.1", "Nothing was run for this", "91-other", "table"),
]


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GOLAB_LEDGER", str(tmp_path / "own"))
    return tmp_path / "own"


def run_tiny() -> None:
    checks = {"9-a": {"so long": Measured(11, "ms", (10, 12))}, "9-b": {"true": True}}
    write_evidence("90-tiny", checks, {"9-a": "11 ms", "9-b": ""})


def test_verdicts_follow_from_the_list_s_figures() -> None:
    run_tiny()
    rows = ledger(CLAIMS)
    assert [row.verdict for row in rows] == ["reproduced", "reproduced", ""]
    assert [row.source for row in rows] == ["own", "own", "none"]
    assert (rows[0].measured, rows[0].cell) == ("11 ms", "table")
    other = ledger([replace(CLAIMS[0], article_figure="63 ms")])
    assert other[0].verdict == "refuted"
    assert "63 ms" in other[0].why


def test_the_committed_ledger_has_a_verdict_on_every_claim() -> None:
    """No own run is there, so all are recorded ones; none is typed in, as no file holds words."""
    rows = ledger()
    assert len(rows) >= 110
    assert [row.id for row in rows if not row.verdict] == []
    assert {row.source for row in rows} == {"recorded"}
    for file in recorded_folder().glob("*.json"):
        assert '"verdict"' not in file.read_text(), file.name


@pytest.mark.parametrize("lab", sorted({claim.lab for claim in load_claims()}))
def test_the_committed_outputs_and_the_ledger_are_of_the_same_run(lab: str) -> None:
    book = json.loads((labs_folder() / f"{lab}.ipynb").read_text())
    cell = next(cell for cell in book["cells"] if cell["id"] == "claims-box")
    shown = "".join(cell["outputs"][-1]["data"]["text/plain"])
    assert shown.endswith(f": {counted(choose(ledger(), lab=lab))}.")


def planted(claim: Claim, checks: Iterable[Check]) -> Claim:
    """Return the claim with a wrong figure: the article's, off by powers of ten.

    Off by as many, and on that side, that no measured value agrees: "< 0.1 ms" in place of "< 1 ms"
    would be true of 25 µs.
    """
    figure = parse_figure(claim.article_figure)
    assert figure is not None

    def agreeing(text: str) -> int:
        other = parse_figure(text)
        assert other is not None
        return sum(c.held(other) is not False for c in checks if isinstance(c, Measured | Either))

    wrong = [scaled(figure, factor) for factor in (10, 0.1, 100, 0.01, 1000, 0.001)]
    return replace(claim, article_figure=min(wrong, key=agreeing))


def as_toml(claim: Claim) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in asdict(claim).items()]
    return "\n".join(["[[claim]]", *lines, ""])


def test_wrong_figures_planted_in_a_copy_of_the_list_are_found_out(tmp_path: Path) -> None:
    """Each by the verdict alone: it becomes another than reproduced, because of that figure."""
    figures = ((claim, parse_figure(claim.article_figure)) for claim in load_claims())
    facts = {c.id: c for c, figure in figures if figure and figure.high and c.kind == "fact"}
    rows = {row.id: row for row in ledger()}
    checks = {n: [check_from(c) for c in rows[n].evidence.values()] for n in facts}
    copy = tmp_path / "claims.toml"
    copy.write_text("".join(as_toml(planted(facts[name], checks[name])) for name in facts))
    found = []
    for row in ledger(load_claims(file=copy)):
        assert row.article_figure != facts[row.id].article_figure
        if row.verdict in ("refuted", "partly") and row.article_figure in row.why:
            found.append(row.id)
    missed = sorted(set(facts) - set(found))
    assert len(facts) >= 20
    assert len(found) >= 0.9 * len(facts), missed


def test_chosen_rows() -> None:
    run_tiny()
    rows = ledger(CLAIMS)
    assert [row.id for row in choose(rows, section="9")] == ["9-a", "9-b"]
    assert [row.id for row in choose(rows, section="9.")] == ["9.1-a"]
    assert [row.id for row in choose(rows, lab="90", verdict="repro")] == ["9-a", "9-b"]
    with pytest.raises(LabError, match="No claim has the verdict 'wrong': there are reproduced"):
        choose(rows, verdict="wrong")
    with pytest.raises(LabError, match="No claim fits all of"):
        choose(rows, lab="91", verdict="reproduced")


def test_the_document_has_the_fields_that_others_rely_on() -> None:
    run_tiny()
    document = json.loads(json.dumps(claims_document(ledger(CLAIMS))))
    assert document["schema"] == "golab/claims/1"
    fields = {"id", "section", "claim", "article_figure", "verdict", "measured", "lab", "cell"}
    for claim in document["claims"]:
        assert fields <= set(claim)
    assert document["claims"][0]["evidence"]["so long"]["ci95"] == [10, 12]


def test_a_run_is_kept_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labhelpers.verdicts.recorded_folder", lambda: tmp_path)
    run_tiny()
    quiet = ledger(CLAIMS)
    record_run("quiet", quiet)
    write_evidence("90-tiny", {"9-a": {"so long": Measured(99, "ms")}}, {"9-a": "99 ms"})
    record_run("loaded", ledger(CLAIMS[:1]))
    runs = recorded_runs()
    assert list(runs) == ["loaded", "quiet"]
    assert changed(run.verdicts for run in runs.values()) == ["9-a"]
    assert changed([runs["quiet"].verdicts]) == []
    assert changed([]) == []
    for name in ("a/b", "", "../x"):
        with pytest.raises(LabError, match="no name for a run"):
            record_run(name, quiet)
    document = tmp_path / "claims.json"
    document.write_text(json.dumps(claims_document(quiet)))
    assert read_run(document).verdicts == runs["quiet"].verdicts


@pytest.mark.parametrize("text", ["{}", '{"schema": "golab/claims/1"}', '{"schema": 3}', "[]"])
def test_a_file_without_verdicts_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(LabError, match=r"holds no (verdicts|JSON object)"):
        read_run(file)


@pytest.mark.parametrize(
    "text", ["{}", '{"schema": "golab/evidence/1"}', '{"schema": "golab/evidence/1", "lab": 1}']
)
def test_a_damaged_ledger_is_said(text: str) -> None:
    own_folder().mkdir(parents=True)
    (own_folder() / "90-tiny.json").write_text(text)
    with pytest.raises(LabError, match="delete it and run the lab again"):
        ledger(CLAIMS)


def test_either_is_judged_again() -> None:
    write_evidence(
        "90-tiny", {"9-a": {"one": Either(Measured(1, "ms"), Measured(10, "ms"))}}, {"9-a": ""}
    )
    assert ledger(CLAIMS[:1])[0].verdict == "reproduced"
