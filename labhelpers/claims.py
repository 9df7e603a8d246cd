"""The article's claims, and the verdict on each, computed from the checks that a lab made.

`data/claims.toml` holds every claim in the article's order; a lab registers, for each of its own,
what it checked. A claim is made of checks because most of the article's sentences say several
things at once, of which some are true. Where the article gives a figure, a check is the measured
value, and the figure in `claims.toml` decides whether it holds.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from labhelpers.errors import LabError
from labhelpers.evidence import write_evidence
from labhelpers.measured import Check, Either, Measured
from labhelpers.recorded import data_folder
from labhelpers.said import parse_figure
from labhelpers.table import Table

if TYPE_CHECKING:
    import pandas as pd

Word = Literal["reproduced", "partly", "refuted", "not testable here", "anecdote"]


@dataclass(frozen=True)
class Claim:
    """One statement of the article, in our words.

    `cell` is the code cell of `lab` whose output is the evidence; `article_figure` is the figure
    that the article gives, empty where it gives none; `kind` is "anecdote" where it tells a story
    of which nothing is left to measure.
    """

    id: str
    section: str
    claim: str
    lab: str
    cell: str = ""
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


def load_claims(lab: str | None = None, file: Path | None = None) -> list[Claim]:
    """Return the claims in the article's order, of one lab or of all.

    Args:
        lab: the lab's name, that of its notebook without ending; None: all.
        file: another list than `data/claims.toml`.

    Raises:
        LabError: the file is no list of claims, or no claim is that lab's.
    """
    path = file or data_folder().parent / "claims.toml"
    try:
        claims = [Claim(**entry) for entry in tomllib.loads(path.read_text())["claim"]]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LabError(
            f"{path} cannot be read as a list of claims ({error}): take data/claims.toml as a "
            "model."
        ) from error
    chosen = [claim for claim in claims if lab in (None, claim.lab)]
    if not chosen:
        labs = ", ".join(sorted({claim.lab for claim in claims}))
        raise LabError(f"No claim belongs to the lab {lab!r}: there are claims for {labs}.")
    return chosen


def decide(claim: Claim, checks: Mapping[str, Check]) -> Judged:
    """Return a claim with the verdict that its checks make.

    All true: reproduced. All false: refuted. Some of each: partly. Without any that was made, or
    that its interval resolves: not testable here. An anecdote stays one, whatever its checks say.

    Args:
        claim: it, with the article's figure.
        checks: what was tried, in a few words each, and whether it held: None where this machine
            cannot try it, and a measured value where the article's figure decides.

    Raises:
        LabError: a value was measured, and the claim has no figure of its unit.
    """
    parts: dict[str, list[str]] = {"true": [], "false": [], "not resolved": [], "not tried": []}
    for name, check in checks.items():
        if isinstance(check, Measured | Either):
            figure = parse_figure(claim.article_figure)
            if figure is None:
                raise LabError(
                    f"{claim.id} has no figure of the article to hold {check} against: give "
                    "article_figure in claims.toml, or check something else."
                )
            held = check.held(figure)
            part = {True: "true", False: "false", None: "not resolved"}[held]
            parts[part].append(f"{name} ({check}; {check.rule(figure)})")
        else:
            # numpy's truth values, too
            part = "not tried" if check is None else "true" if bool(check) else "false"
            parts[part].append(name)
    why = "; ".join(f"{part}: {', '.join(names)}" for part, names in parts.items() if names)
    word: Word = "not testable here"
    if parts["true"]:
        word = "partly" if parts["false"] else "reproduced"
    elif parts["false"]:
        word = "refuted"
    if claim.kind == "anecdote":
        word = "anecdote"
    return Judged(claim.id, claim.claim, claim.article_figure, word, "", why)


class Verdicts:
    """The verdicts of one lab, added claim by claim as the lab goes on."""

    def __init__(self, lab: str) -> None:
        """Take the lab's name: that of its notebook, without ending."""
        self.lab = lab
        self.claims = {claim.id: claim for claim in load_claims(lab)}
        self.judged: dict[str, Judged] = {}
        self.checks: dict[str, Mapping[str, Check]] = {}
        self.kept = ""

    def add(self, claim: str, checks: Mapping[str, Check], measured: str = "") -> Judged:
        """Judge one claim by its checks, and keep the verdict.

        Args:
            claim: its id.
            checks: what was tried, in a few words each; at least one. See `decide`.
            measured: the figure that stands against the article's, with its interval; where it is
                left out, the measured values among the checks.

        Raises:
            LabError: the claim is not this lab's, there is no check, or a value has no figure.
        """
        if claim not in self.claims:
            raise LabError(f"{claim!r} is no claim of this lab: it has {', '.join(self.claims)}.")
        if not checks:
            raise LabError(f"The claim {claim} has no check, so there is nothing to judge it by.")
        values = {
            n: str(check) for n, check in checks.items() if isinstance(check, Measured | Either)
        }
        texts = [f"{name}: {value}" for name, value in values.items()]
        made = ", ".join(texts if len(set(values.values())) > 1 else dict.fromkeys(values.values()))
        judged = replace(decide(self.claims[claim], checks), measured=measured or made)
        self.judged[claim], self.checks[claim] = judged, plain(checks)
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

    def keep(self) -> str:
        """Put what was found into the user's ledger; return a sentence that says so, or why not.

        A ledger that cannot be written to does not take a lab's results away.

        Raises:
            LabError: a claim of this lab has no verdict yet.
        """
        measured = {judged.id: judged.measured for judged in self.table()}
        try:
            write_evidence(self.lab, {claim: self.checks[claim] for claim in measured}, measured)
        except LabError as error:
            self.kept = f"These verdicts are not in your ledger: {error}"
        else:
            self.kept = "These verdicts are in your ledger now; golab claims shows it."
        return self.kept

    def to_frame(self) -> "pd.DataFrame":
        """Return the verdicts as a table for a notebook: a row a claim, by its id.

        Raises:
            LabError: a claim of this lab has none.
        """
        frame = self.table().to_frame().set_index("id")
        frame.index = frame.index.str.replace("-", "\N{NON-BREAKING HYPHEN}")
        return frame


def plain(checks: Mapping[str, Check]) -> dict[str, Check]:
    """Return checks with Python's own truth values: comparisons of tables give numpy's."""
    return {
        name: check if check is None or isinstance(check, Measured | Either) else bool(check)
        for name, check in checks.items()
    }
