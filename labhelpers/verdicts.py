"""The ledger: every claim of the article with its verdict, from each lab's last run.

The user's own run of a lab counts before the recorded one. Verdicts are computed here, from the
kept checks and the figures of the list of claims, each time they are asked for.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from labhelpers import __version__, machine
from labhelpers.claims import Claim, Word, decide, load_claims
from labhelpers.errors import LabError
from labhelpers.evidence import Evidence, own_folder, read_evidence, recorded_folder
from labhelpers.files import read_json, write_whole
from labhelpers.measured import check_as_json
from labhelpers.table import Table

Source = Literal["own", "recorded", "none"]
SCHEMA = "golab/claims/1"
RUN_SCHEMA = "golab/verdicts/1"


@dataclass(frozen=True)
class Row:
    """A claim and its verdict; `source` says whose run it stems from.

    `verdict` is empty where no run had this claim; `cpu` is the machine's processor, and
    `from_record` says that the lab showed recorded tables for what that machine could not make.
    """

    id: str
    section: str
    claim: str
    article_figure: str
    verdict: Word | Literal[""]
    measured: str
    why: str
    lab: str
    cell: str
    source: Source
    date: str
    cpu: str
    from_record: bool
    evidence: dict[str, Any]


def ledger(claims: Iterable[Claim] | None = None) -> Table[Row]:
    """Return every claim with its verdict, in the article's order.

    Args:
        claims: another list of them, whose figures decide; `data/claims.toml` if not given.

    Raises:
        LabError: a file of the ledger is damaged.
    """
    wanted = load_claims() if claims is None else list(claims)
    found: dict[str, list[tuple[Source, Evidence]]] = {}
    for lab in {claim.lab for claim in wanted}:
        read = ((source, read_evidence(lab, folder)) for source, folder in _folders().items())
        found[lab] = [(source, evidence) for source, evidence in read if evidence]
    return Table(_row(claim, found[claim.lab]) for claim in wanted)


def _folders() -> dict[Source, Path]:
    """Return where runs are kept, in the order in which they count."""
    own, recorded = own_folder(), recorded_folder()
    if own.resolve() == recorded.resolve():  # the run that is to be recorded
        return {"recorded": recorded}
    return {"own": own, "recorded": recorded}


def _row(claim: Claim, runs: list[tuple[Source, Evidence]]) -> Row:
    # A claim that is new since the user's run is answered by the record.
    run = next(((source, own) for source, own in runs if claim.id in own.checks), None)
    shared = {name: asdict(claim)[name] for name in ("id", "section", "claim", "article_figure")}
    if run is None:
        empty: dict[str, Any] = {"verdict": "", "measured": "", "why": "its lab has not been run"}
        place: dict[str, Any] = {"source": "none", "date": "", "cpu": "", "from_record": False}
        return Row(**shared, **empty, lab=claim.lab, cell=claim.cell, **place, evidence={})
    source, evidence = run
    checks = evidence.checks[claim.id]
    judged = decide(claim, checks)
    return Row(
        **shared,
        verdict=judged.verdict,
        measured=evidence.measured[claim.id],
        why=judged.why,
        lab=claim.lab,
        cell=claim.cell,
        source=source,
        date=evidence.date,
        cpu=str(evidence.machine.get("cpu", "")),
        from_record=bool(evidence.from_record),
        evidence={name: check_as_json(check) for name, check in checks.items()},
    )


def choose(rows: Iterable[Row], section: str = "", verdict: str = "", lab: str = "") -> Table[Row]:
    """Return the rows of a section, with a verdict, of a lab; each by its whole name or its start.

    Raises:
        LabError: no claim is left; the sentence names what there is.
    """
    every = list(rows)
    wanted = {"section": section, "verdict": verdict, "lab": lab}
    chosen = every
    for name, text in wanted.items():
        values = list(dict.fromkeys(getattr(row, name) for row in every))
        fits = [text] if text in values else [v for v in values if v.startswith(text)]
        if text and not fits:
            raise LabError(f"No claim has the {name} {text!r}: there are {', '.join(values)}.")
        chosen = [row for row in chosen if not text or getattr(row, name) in fits]
    if not chosen:
        given = ", ".join(f"{name} {text}" for name, text in wanted.items() if text)
        raise LabError(f"No claim fits all of {given}: leave one of these out.")
    return Table(chosen)


def claims_document(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the ledger as JSON carries it (golab/claims/1)."""
    return {
        "schema": SCHEMA,
        "machine": machine.describe().as_dict(),
        "claims": [asdict(row) for row in rows],
    }


@dataclass(frozen=True)
class Run:
    """The verdicts of one whole run of the labs, and the state of the machine it was made in."""

    name: str
    date: str
    machine: Mapping[str, Any]
    verdicts: Mapping[str, str]


def runs_folder() -> Path:
    """Return where recorded runs are."""
    return recorded_folder() / "runs"


def record_run(name: str, rows: Iterable[Row]) -> Path:
    """Keep the verdicts of a run among the recorded ones; return the file.

    Raises:
        LabError: the name is none for a file.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise LabError(f"{name!r} is no name for a run: take letters, digits, - and dots.")
    document = {
        "schema": RUN_SCHEMA,
        "date": datetime.now(UTC).date().isoformat(),
        "golab": __version__,
        "machine": machine.describe().as_dict(),
        "verdicts": {row.id: row.verdict for row in rows},
    }
    file = runs_folder() / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return file


def recorded_runs() -> dict[str, Run]:
    """Return the recorded runs by name."""
    return {file.stem: read_run(file) for file in sorted(runs_folder().glob("*.json"))}


def read_run(file: Path) -> Run:
    """Return a run from what `golab claims --json` or `record_run` wrote.

    Raises:
        LabError: the file is neither.
    """
    document = read_json(file)
    try:
        if document["schema"] == SCHEMA:
            verdicts = {row["id"]: str(row["verdict"]) for row in document["claims"]}
            date = max((row["date"] for row in document["claims"]), default="")
        elif document["schema"] == RUN_SCHEMA:
            verdicts, date = dict(document["verdicts"]), document["date"]
        else:
            raise KeyError("schema")
        return Run(file.stem, date, document["machine"], verdicts)
    except (KeyError, TypeError) as error:
        raise LabError(
            f"{file} holds no verdicts: name a file that golab claims --json wrote."
        ) from error


def changed(runs: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the claims on which some of the runs' verdicts differ, of those that all of them had.

    Args:
        runs: each the verdicts by claim.
    """
    every = list(runs)
    if not every:
        return []
    common = [claim for claim in every[0] if all(claim in run for run in every)]
    return [claim for claim in common if len({run[claim] for run in every}) > 1]
