"""What can be checked of chapter 5's stories: their arithmetic, their order, and their names.

The stories left nothing behind that could be measured. But they give figures, and figures can be
held against each other; the diagram has an order; the machine types have a size. Every figure is
read from data/claims.toml, every edge from data/article.toml.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from labhelpers.article import Item, outline
from labhelpers.claims import Claim, load_claims
from labhelpers.errors import LabError
from labhelpers.said import UNITS, parse_figure
from labhelpers.table import Table

SECTION = "5"
REQUESTS, ERRORS = "5-u", "5-v"
PAIRS = {"5-d": "", "5-e": "", "5-l": "5-m", "5-n": "5-o", "5-p": "5-q"}
"""Claims that give a figure before and one after, and the claim that gives the percentage."""


@dataclass(frozen=True)
class Gain:
    """What two figures of a story make.

    `less` says by how many per cent the second is smaller, `times` how often it goes into the
    first; `judged` is the claim that states the percentage, and `stated` what that says, both empty
    where the article states none.
    """

    claim: str
    figure: str
    less: float
    times: float
    judged: str
    stated: str


def story_arithmetic(claims: Iterable[Claim] | None = None) -> Table[Gain]:
    """Return every pair of figures, before and after, with the percentage that they make.

    Args:
        claims: another list than data/claims.toml.

    Raises:
        LabError: a claim is missing, or its figure is no pair of one kind of unit.
    """
    figures = _figures(claims)
    rows: Table[Gain] = Table()
    for claim, judged in PAIRS.items():
        pair = parse_figure(figures[claim])
        if pair is None or pair.kind != "ratio" or not pair.low:
            raise LabError(f"{claim} says {figures[claim]!r}, which is no pair: see claims.toml.")
        rows.append(
            Gain(
                claim=claim,
                figure=figures[claim],
                less=round((1 - pair.low) * 100, 3),
                times=round(1 / pair.low, 2),
                judged=judged,
                stated=figures[judged] if judged else "",
            )
        )
    return rows


def failed_requests(claims: Iterable[Claim] | None = None) -> int:
    """Return how many requests may have failed under the bound that the article gives."""
    figures = _figures(claims)
    requests, share = parse_figure(figures[REQUESTS]), parse_figure(figures[ERRORS])
    if requests is None or share is None:
        raise LabError(f"{REQUESTS} and {ERRORS} hold no figures: look at data/claims.toml.")
    return int(requests.high * share.high / 100)


@dataclass(frozen=True)
class Shared:
    """How many different figures with a unit the last chapter gives, and how many of them the
    title and the four chapters before it know."""

    figures: int
    known_before: int
    which: str


def summing_up(items: Iterable[Item] | None = None) -> Table[Shared]:
    """Compare the last chapter's figures with those of the chapters that it sums up."""
    every = list(outline() if items is None else items)
    last = _with_unit(item for item in every if item.section == SECTION)
    before = _with_unit(item for item in every if item.section != SECTION)
    common = sorted(last & before)
    return Table([Shared(len(last), len(common), ", ".join(common))])


NODES = {
    "A": "a change in the Git repository",
    "B": "Argo CD takes it up",
    "C": "the environment is checked",
    "D": "the resources are applied",
    "E": "roll-back and alarm",
    "F": "the cluster's policies are checked",
    "G": "traffic is routed to the new version",
    "H": "the deployment is held up",
}
"""The nodes of the last chapter's diagram, in our words."""


@dataclass(frozen=True)
class Step:
    """A node of the last chapter's diagram, and all that has happened when it is reached."""

    node: str
    step: str
    after: str


def order_of_steps(items: Iterable[Item] | None = None) -> Table[Step]:
    """Return the diagram's steps, each with what stands before it on the way to it."""
    edges = re.compile(rf"{SECTION}/diagram1/([A-Z])-([A-Z])")
    keys = [item.key for item in (outline() if items is None else items)]
    above: dict[str, str] = {
        found[2]: found[1] for key in keys if (found := edges.fullmatch(key))
    }  # a tree: one way leads to each node
    rows: Table[Step] = Table()
    for node in sorted({*above, *above.values()}):
        way = [node]
        while way[-1] in above:
            way.append(above[way[-1]])
        rows.append(Step(node, NODES[node], " ".join(reversed(way[1:]))))
    return rows


@dataclass(frozen=True)
class MachineType:
    """A cloud's machine type: how many processors and how much memory its name stands for."""

    cloud: str
    type: str
    vcpus: int
    memory_gib: int


def machine_types() -> Table[MachineType]:
    """Return the three machine types that the article holds for equal, decoded by their names.

    In all three clouds "large" is 2 virtual processors and "xlarge" twice that. The families M of
    AWS and g of Alibaba have 4 GiB for each (Amazon EC2 user guide, "General purpose instances";
    Alibaba Cloud ECS, "Instance families"); Huawei says how many in the last part of the name
    (Elastic Cloud Server, "ECS Types": flavor naming rules).
    """
    rows: Table[MachineType] = Table()
    for cloud, name in (
        ("AWS", "m6i.xlarge"),
        ("Alibaba", "ecs.g7.large"),
        ("Huawei", "s7.large.2"),
    ):
        vcpus = 4 if ".xlarge" in name else 2
        each = int(name.rpartition(".")[2]) if cloud == "Huawei" else 4
        rows.append(MachineType(cloud, name, vcpus, vcpus * each))
    return rows


def _figures(claims: Iterable[Claim] | None) -> dict[str, str]:
    found = {
        claim.id: claim.article_figure for claim in (load_claims() if claims is None else claims)
    }
    wanted = {*PAIRS, *filter(None, PAIRS.values()), REQUESTS, ERRORS}
    if missing := sorted(wanted - found.keys()):
        raise LabError(f"data/claims.toml lacks {', '.join(missing)}: the stories' figures.")
    return found


def _with_unit(items: Iterable[Item]) -> set[str]:
    """Return the figures that are more than a bare number, a version, or an order of magnitude."""
    every = {figure for item in items for figure in item.figures}
    return {figure for figure in every if (own := parse_figure(figure)) and own.unit in UNITS}
