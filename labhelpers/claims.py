"""The article's claims, and the verdict on each, computed from the checks that a lab made.

`data/claims.toml` holds every claim in the article's order; a lab registers, for each of its own,
what it checked. A claim is made of checks because most of the article's sentences say several
things at once, of which some are true.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from labhelpers.errors import LabError
from labhelpers.recorded import data_folder
from labhelpers.table import Table

if TYPE_CHECKING:
    import pandas as pd

Word = Literal["reproduced", "partly", "refuted", "not testable here", "anecdote"]


@dataclass(frozen=True)
class Claim:
    """One statement of the article, in our words.

    `article_figure` is the figure that it gives, empty where it gives none; `kind` is "anecdote"
    where the article tells a story of which nothing is left to measure.
    """

    id: str
    section: str
    claim: str
    lab: str
    article_figure: str = ""
    kind: Literal["fact", "anecdote"] = "fact"


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict: `why` names the checks that held and those that did not."""

    id: str
    claim: str
    article_figure: str
    verdict: Word
    measured: str
    why: str


def load_claims(lab: str | None = None) -> list[Claim]:
    """Return the claims of `data/claims.toml` in the article's order, of one lab or of all.

    Raises:
        LabError: no claim is that lab's.
    """
    text = (data_folder().parent / "claims.toml").read_text()
    claims = [Claim(**entry) for entry in tomllib.loads(text)["claim"]]
    chosen = [claim for claim in claims if lab in (None, claim.lab)]
    if not chosen:
        labs = ", ".join(sorted({claim.lab for claim in claims}))
        raise LabError(f"No claim belongs to the lab {lab!r}: there are claims for {labs}.")
    return chosen


def judge(checks: Mapping[str, bool | None]) -> tuple[Word, str]:
    """Return the verdict that some checks make, and the sentence that says why.

    All true: reproduced. All false: refuted. Some of each: partly. A check is None where this
    machine cannot make it; where it can make none, the claim is not testable here.
    """
    made = {name: bool(held) for name, held in checks.items() if held is not None}
    yes = [name for name, held in made.items() if held]
    no = [name for name, held in made.items() if not held]
    open_ = [name for name, held in checks.items() if held is None]
    parts = [("true", yes), ("false", no), ("not tried here", open_)]
    why = "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names)
    if not made:
        return "not testable here", why
    if not no:
        return "reproduced", why
    return ("partly" if yes else "refuted"), why


class Verdicts:
    """The verdicts of one lab, added claim by claim as the lab goes on."""

    def __init__(self, lab: str) -> None:
        """Take the lab's name: that of its notebook, without ending."""
        self.claims = {claim.id: claim for claim in load_claims(lab)}
        self.judged: dict[str, Judged] = {}

    def add(self, claim: str, checks: Mapping[str, bool | None], measured: str = "") -> Judged:
        """Judge one claim by its checks, and keep the verdict.

        Args:
            claim: its id.
            checks: what was tried, in a few words each, and whether it held; at least one.
            measured: the figure that stands against the article's, with its interval.

        Raises:
            LabError: the claim is not this lab's, or there is no check.
        """
        if claim not in self.claims:
            raise LabError(f"{claim!r} is no claim of this lab: it has {', '.join(self.claims)}.")
        if not checks:
            raise LabError(f"The claim {claim} has no check, so there is nothing to judge it by.")
        word, why = judge(checks)
        own = self.claims[claim]
        if own.kind == "anecdote":
            word = "anecdote"
        judged = Judged(claim, own.claim, own.article_figure, word, measured, why)
        self.judged[claim] = judged
        return judged

    def table(self) -> Table[Judged]:
        """Return the verdicts in the article's order.

        Raises:
            LabError: a claim of this lab has none.
        """
        missing = [claim for claim in self.claims if claim not in self.judged]
        if missing:
            raise LabError(f"No verdict yet on {', '.join(missing)}: run the cells above first.")
        return Table(self.judged[claim] for claim in self.claims)

    def to_frame(self) -> "pd.DataFrame":
        """Return the verdicts as a table for a notebook: a row a claim, by its id.

        Raises:
            LabError: a claim of this lab has none.
        """
        frame = self.table().to_frame().set_index("id")
        frame.index = frame.index.str.replace("-", "\N{NON-BREAKING HYPHEN}")
        return frame
