"""Claims and their verdicts: computed from checks, and only from them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.claims import Claim, Verdicts, decide, load_claims
from labhelpers.errors import LabError
from labhelpers.evidence import read_evidence
from labhelpers.measured import Measured
from labhelpers.programs import labs_folder

FACT = Claim("9-a", "9", "It takes so long", "09-x", article_figure="10 ms")


@pytest.mark.parametrize(
    ("checks", "word"),
    [
        ({"a": True, "b": True}, "reproduced"),
        ({"a": True, "b": False}, "partly"),
        ({"a": False}, "refuted"),
        ({"a": None}, "not testable here"),
        ({"a": True, "b": None}, "reproduced"),
        ({"a": False, "b": None}, "refuted"),
        ({"so long": Measured(10, "ms")}, "reproduced"),
        ({"so long": Measured(0.01, "s"), "twice": Measured(30, "ms")}, "partly"),
        ({"so long": Measured(2, "ms", (1, 3))}, "refuted"),
        ({"so long": Measured(10, "ms", (1, 30))}, "not testable here"),
    ],
)
def test_the_verdict_follows_from_the_checks(
    checks: dict[str, bool | Measured | None], word: str
) -> None:
    found = decide(FACT, checks)
    assert found.verdict == word
    assert all(name in found.why for name in checks)


def test_the_article_s_figure_decides() -> None:
    value = {"so long": Measured(10, "ms", (9, 11))}
    assert decide(FACT, value).verdict == "reproduced"
    assert decide(replace(FACT, article_figure="100 ms"), value).verdict == "refuted"
    with pytest.raises(LabError, match="no figure of the article"):
        decide(replace(FACT, article_figure="quick"), value)


def test_an_anecdote_stays_one() -> None:
    assert decide(replace(FACT, kind="anecdote"), {"a": True}).verdict == "anecdote"


def test_ids_follow_the_article_s_order_and_stand_once() -> None:
    claims = load_claims()
    assert not [name for name, n in Counter(claim.id for claim in claims).items() if n > 1]
    sections = [tuple(map(int, claim.section.split("."))) for claim in claims]
    assert sections == sorted(sections)
    for claim in claims:
        assert claim.id.startswith(claim.section + "-"), claim.id
    for section in {claim.section for claim in claims}:
        letters = [claim.id.partition("-")[2] for claim in claims if claim.section == section]
        assert letters == sorted(letters, key=lambda x: (len(x), x)), section


def test_every_claim_s_lab_is_there_and_judges_it() -> None:
    for claim in load_claims():
        notebook = labs_folder() / f"{claim.lab}.ipynb"
        assert notebook.is_file(), claim.lab
        assert f'\\"{claim.id}\\"' in notebook.read_text(), (
            f"{claim.lab} says nothing of {claim.id}"
        )


def test_claims_are_in_our_own_words() -> None:
    """Sentences, and each says something else."""
    claims = load_claims()
    assert all(len(claim.claim) > 15 for claim in claims)
    assert len({claim.claim for claim in claims}) == len(claims)


def some_claim() -> Claim:
    return load_claims()[0]


def test_a_lab_judges_its_own_claims_only() -> None:
    verdicts = Verdicts(some_claim().lab)
    with pytest.raises(LabError, match="no claim of this lab"):
        verdicts.add("9.9-z", {"x": True})


def test_a_claim_without_a_check_is_refused() -> None:
    claim = some_claim()
    with pytest.raises(LabError, match="no check"):
        Verdicts(claim.lab).add(claim.id, {})


def test_what_was_found_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLAB_LEDGER", str(tmp_path / "own"))
    lab = some_claim().lab
    verdicts = Verdicts(lab)
    with pytest.raises(LabError, match="No verdict yet"):
        verdicts.keep()
    for claim in load_claims(lab):
        verdicts.add(claim.id, {"it is so": True, "that, too": None}, measured="3 [2, 4]")
    assert "in your ledger now" in verdicts.keep()
    kept = read_evidence(lab, tmp_path / "own")
    assert kept is not None
    assert kept.checks[some_claim().id] == {"it is so": True, "that, too": None}
    assert set(kept.measured.values()) == {"3 [2, 4]"}


def test_a_ledger_that_cannot_be_written_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GOLAB_LEDGER", str(tmp_path / "file" / "own"))
    verdicts = Verdicts(some_claim().lab)
    for claim in load_claims(some_claim().lab):
        verdicts.add(claim.id, {"it is so": True})
    assert "not in your ledger" in verdicts.keep()
    assert verdicts.table()


def test_a_list_that_is_none_is_said(tmp_path: Path) -> None:
    for text in ("", "[[claim]]\nid = 3\nwrong = 4\n", "]"):
        (tmp_path / "claims.toml").write_text(text)
        with pytest.raises(LabError, match="cannot be read as a list of claims"):
            load_claims(file=tmp_path / "claims.toml")


def test_a_table_with_a_hole_is_refused() -> None:
    claim = some_claim()
    verdicts = Verdicts(claim.lab)
    judged = verdicts.add(claim.id, {"it is so": True}, measured="3")
    assert (judged.verdict, judged.measured) == ("reproduced", "3")
    with pytest.raises(LabError, match="No verdict yet"):
        verdicts.table()


def test_an_unknown_lab_is_said() -> None:
    with pytest.raises(LabError, match="No claim belongs to the lab"):
        load_claims("99-none")


def test_a_notebook_s_table_has_ids_that_do_not_break() -> None:
    lab = some_claim().lab
    verdicts = Verdicts(lab)
    for claim in load_claims(lab):
        verdicts.add(claim.id, {"it is so": False})
    frame = verdicts.to_frame()
    assert set(frame.verdict) == {"refuted"}
    assert list(frame.index) == [claim.id.replace("-", "‑") for claim in load_claims(lab)]
