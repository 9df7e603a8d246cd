"""The answer as a JSON document, there and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from labhelpers.advice.answer import Advice, Recommendation, StepAnswer
from labhelpers.build import Binary
from labhelpers.cgo.report import CgoReport
from labhelpers.errors import LabError
from labhelpers.startup.caution import Caution
from labhelpers.startup.estimate import Comparison, Estimate
from labhelpers.startup.rounds import Launch
from labhelpers.table import Table

SCHEMA = "golab/advise/1"


def advice_document(advice: Advice) -> dict[str, Any]:
    """Return an answer as the document of schema golab/advise/1."""
    return {
        "schema": SCHEMA,
        "machine": advice.machine,
        "seed": advice.seed,
        "rounds": advice.rounds,
        "interrupted": advice.interrupted,
        "program": advice.program,
        "package": advice.package,
        "go": advice.go,
        "until": advice.until,
        "estimates": {cache: asdict(own) for cache, own in advice.estimates.items()},
        "steps": advice.steps.to_dicts(),
        "recommended": asdict(advice.recommended),
        "cgo": advice.cgo.as_dict() if advice.cgo else None,
        "binaries": [binary.as_dict() for binary in advice.binaries],
        "cautions": [asdict(caution) for caution in advice.cautions],
        "launches": [
            {"cache": cache, **launch.as_dict()}
            for cache, own in advice.launches.items()
            for launch in own
        ],
    }


def load_advice(document: Mapping[str, Any]) -> Advice:
    """Return the answer that a document was made of.

    Raises:
        LabError: the document is not one of schema golab/advise/1.
    """
    if document.get("schema") != SCHEMA:
        raise LabError(f"This is not a result of golab advise: its schema must be {SCHEMA}.")
    launches: dict[Any, list[Launch]] = {cache: [] for cache in document["estimates"]}
    for row in document["launches"]:
        launches[row["cache"]].append(Launch.from_dict(row))
    kept = {field.name for field in fields(Binary)} - {"path", "script"}
    return Advice(
        program=document["program"],
        package=document["package"],
        go=document["go"],
        until=document["until"],
        binaries=[
            Binary(**{name: row[name] for name in kept}, path=None, script="")
            for row in document["binaries"]
        ],
        estimates={cache: _estimate(row) for cache, row in document["estimates"].items()},
        steps=Table(_step(row) for row in document["steps"]),
        recommended=_recommendation(document["recommended"]),
        cgo=CgoReport.from_dict(document["cgo"]) if document["cgo"] else None,
        launches=launches,
        seed=document["seed"],
        rounds=document["rounds"],
        machine=document["machine"],
        cautions=[Caution(**row) for row in document["cautions"]],
        interrupted=document["interrupted"],
    )


def _estimate(row: Mapping[str, Any]) -> Estimate:
    low, high = row["ci95_ms"]
    return Estimate(row["command"], row["median_ms"], (low, high))


def _comparison(row: Mapping[str, Any] | None) -> Comparison | None:
    return Comparison(**{**row, "ci95": tuple(row["ci95"])}) if row else None


def _step(row: Mapping[str, Any]) -> StepAnswer:
    found = {cache: _comparison(row[cache]) for cache in ("warm", "cold")}
    return StepAnswer(**{**row, **found, "costs": tuple(row["costs"])})


def _recommendation(row: Mapping[str, Any]) -> Recommendation:
    ratios = {cache: _comparison(own) for cache, own in row["ratios"].items()}
    return Recommendation(**{**row, "ratios": ratios, "costs": tuple(row["costs"])})
