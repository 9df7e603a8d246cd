"""The command about the article: `golab claims`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from labhelpers.cli_parts import Json, deliver
from labhelpers.errors import CheckFailed, LabError

SAME = 0.97
"""The share of verdicts that two runs have to have in common."""


def claims(
    section: Annotated[
        str, typer.Option(help="Only this section of the article: 0 (its title), 1, 2.1 … 5.")
    ] = "",
    verdict: Annotated[
        str, typer.Option(help="Only: reproduced, partly, refuted, not testable here, anecdote.")
    ] = "",
    lab: Annotated[str, typer.Option(help="Only the claims of this lab, 02 for example.")] = "",
    run: Annotated[
        bool, typer.Option("--run", help="First run the labs again (all, or that of --lab).")
    ] = False,
    claims: Annotated[
        Path | None, typer.Option(help="Judge by this list of claims, not data/claims.toml.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Name the verdicts that differ from those in this file of --json."),
    ] = None,
    record: Annotated[
        str, typer.Option(help="Also keep the verdicts in data/verdicts/runs under this name.")
    ] = "",
    json: Json = None,
) -> None:
    """Show every claim of the article with its verdict; run the labs that judge them again."""
    from labhelpers.article import figures_not_in_the_article
    from labhelpers.claims import load_claims
    from labhelpers.labruns import run_labs
    from labhelpers.show.claims_text import claims_text
    from labhelpers.show.progress import stages
    from labhelpers.verdicts import changed, choose, claims_document, ledger, read_run, record_run

    listed = load_claims(file=claims)
    wanted = {row.id for row in choose(ledger(listed), section, "", lab)}
    earlier = read_run(against) if against else None
    failures = []
    if run:
        names = dict.fromkeys(claim.lab for claim in listed if claim.id in wanted)
        with stages() as progress:
            failures = run_labs(names, progress)
    every = ledger(listed)
    rows = choose(every, section, verdict, lab)
    deliver(json, claims_document(rows), lambda: claims_text(rows))
    # Claims of the list's own are none of the article's.
    known = {claim.id for claim in load_claims()} & {row.id for row in rows}
    foreign = figures_not_in_the_article(claim for claim in listed if claim.id in known)
    for row in rows:
        if row.id in foreign:
            said = f"the article has no figure {row.article_figure!r} at that place"
            print(f"golab: {row.id}: {said}.", file=sys.stderr)
    if record and not failures:
        print(f"golab: wrote {record_run(record, every)}", file=sys.stderr)
    for one in failures:
        print(f"golab: {one.lab} failed in its cell {one.cell}: {one.error}", file=sys.stderr)
    if failures:
        failed = ", ".join(one.lab for one in failures)
        raise CheckFailed(f"{failed} did not run to the end: their verdicts are those of before.")
    if foreign:
        raise CheckFailed(f"{len(foreign)} of the list's figures are not the article's.")
    if earlier:
        now = {row.id: str(row.verdict) for row in choose(every, section, "", lab)}
        both = [claim for claim in now if claim in earlier.verdicts]
        if not both:
            raise LabError(f"{against} has none of these claims: name another file.")
        differ = changed([now, earlier.verdicts])
        for claim in differ:
            print(f"{claim}: {earlier.verdicts[claim]} → {now[claim]}", file=sys.stderr)
        share = 1 - len(differ) / len(both)
        said = f"{len(both) - len(differ)} of {len(both)} verdicts are the same ({share:.1%})"
        if share < SAME:
            raise CheckFailed(f"{said}, which is less than {SAME:.0%}.")
        print(f"golab: {said}.", file=sys.stderr)
