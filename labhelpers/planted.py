"""Wrong figures, planted into a copy of the list of claims to see whether anything notices.

There are two guards. A verdict follows from a measured value and the article's figure, so that
another figure may turn it; and the outline of the article knows which figures stand where.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from labhelpers.article import figures_not_in_the_article
from labhelpers.claims import Claim, load_claims
from labhelpers.measured import Either, Measured, check_from
from labhelpers.said import parse_figure, scaled
from labhelpers.table import Table
from labhelpers.verdicts import Row, ledger

FACTORS = (10.0, 0.1)


@dataclass(frozen=True)
class Planted:
    """A wrong figure: what the article says, what was put in its place, and who noticed.

    `before` is the verdict that the true figure has, `after` that of the wrong one, from the same
    evidence. `contradicted` says that a measured value denies the wrong figure and none agrees with
    it, None where no value was measured or resolved; `foreign`, that the article does not have the
    wrong figure at this place.
    """

    id: str
    claim: str
    figure: str
    planted: str
    measured: str
    before: str
    after: str
    contradicted: bool | None
    foreign: bool

    @property
    def turned(self) -> bool:
        """Whether the verdict is another one."""
        return self.before != self.after


def plant(claims: Iterable[Claim], factor: float) -> list[Claim]:
    """Return a copy of the list with every figure that is a number made wrong by a factor."""
    return [_with_wrong_figure(claim, factor) for claim in claims]


def _with_wrong_figure(claim: Claim, factor: float) -> Claim:
    figure = parse_figure(claim.article_figure)
    return replace(claim, article_figure=scaled(figure, factor)) if figure else claim


def plant_and_look(
    claims: Sequence[Claim] | None = None, factors: Sequence[float] = FACTORS
) -> Table[Planted]:
    """Plant wrong figures, judge each copy of the list by the ledger's evidence, and compare.

    Args:
        claims: the list; `data/claims.toml` if not given.
        factors: a copy is made with each.

    Raises:
        LabError: a file of the ledger, the list or the outline is damaged.
    """
    true = list(load_claims() if claims is None else claims)
    found: Table[Planted] = Table()
    for factor in factors:
        copy = plant(true, factor)
        foreign = set(figures_not_in_the_article(copy))
        for before, after in zip(ledger(true), ledger(copy), strict=True):
            if before.article_figure != after.article_figure:
                found.append(
                    Planted(
                        id=before.id,
                        claim=before.claim,
                        figure=before.article_figure,
                        planted=after.article_figure,
                        measured=before.measured,
                        before=before.verdict,
                        after=after.verdict,
                        contradicted=_contradicted(after),
                        foreign=before.id in foreign,
                    )
                )
    return found


def _contradicted(row: Row) -> bool | None:
    """Return whether what was measured denies a row's figure, None where nothing says so or not."""
    figure = parse_figure(row.article_figure)
    checks = [check_from(check) for check in row.evidence.values()]
    values = [check for check in checks if isinstance(check, Measured | Either)]
    held = [value.held(figure) for value in values if figure]
    if True in held:
        return False
    return True if False in held else None
