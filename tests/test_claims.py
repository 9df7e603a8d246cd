"""Claims and their verdicts: computed from checks, and only from them."""

from collections import Counter

import pytest

from labhelpers.claims import Claim, Verdicts, judge, load_claims
from labhelpers.errors import LabError
from labhelpers.programs import labs_folder


@pytest.mark.parametrize(
    ("checks", "word"),
    [
        ({"a": True, "b": True}, "reproduced"),
        ({"a": True, "b": False}, "partly"),
        ({"a": False}, "refuted"),
        ({"a": None}, "not testable here"),
        ({"a": True, "b": None}, "reproduced"),
        ({"a": False, "b": None}, "refuted"),
    ],
)
def test_the_verdict_follows_from_the_checks(checks: dict[str, bool | None], word: str) -> None:
    found, why = judge(checks)
    assert found == word
    assert all(name in why for name in checks)


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
