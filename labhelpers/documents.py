"""A study as a JSON document, there and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from labhelpers.build import Binary
from labhelpers.effects import (
    cell_comparisons,
    cpu_comparisons,
    interactions,
    main_comparisons,
)
from labhelpers.errors import LabError
from labhelpers.readings import readings
from labhelpers.startup.caution import Caution
from labhelpers.startup.estimate import LEAST_ROUNDS
from labhelpers.startup.rounds import Launch
from labhelpers.study import LEAST_FOR_READINGS, Cell, Study
from labhelpers.verdict import verdict

SCHEMA = "golab/reproduce/1"


def study_document(study: Study) -> dict[str, Any]:
    """Return a study as the document of schema golab/reproduce/1, with all that follows from it."""
    found = readings(study) if study.rounds >= LEAST_FOR_READINGS else []
    judged = verdict(study, found) if found else None
    cells = list(study.launches) if study.rounds >= LEAST_ROUNDS else []
    return {
        "schema": SCHEMA,
        "machine": study.machine,
        "seed": study.seed,
        "rounds": study.rounds,
        "interrupted": study.interrupted,
        "programs": study.programs,
        "configs": study.configs,
        "binaries": [binary.as_dict() for binary in study.binaries],
        "comparisons": [
            asdict(cell) | c.as_dict() for cell in cells for c in cell_comparisons(study, cell)
        ],
        "cpu_comparisons": [
            asdict(cell) | c.as_dict() for cell in cells for c in cpu_comparisons(study, cell)
        ],
        "main_comparisons": [
            asdict(cell) | c.as_dict() for cell in cells for c in main_comparisons(study, cell)
        ],
        "interactions": [
            asdict(cell) | asdict(i) for cell in cells for i in interactions(study, cell)
        ],
        "readings": [reading.as_dict() for reading in found],
        "verdict": judged.text if judged else "too few rounds for a verdict",
        "verdict_word": judged.word if judged else None,
        "cautions": [asdict(caution) for caution in study.cautions],
        "launches": _rows(study.launches),
        "main_launches": _rows(study.main_launches),
    }


def _rows(launches: Mapping[Cell, Sequence[Launch]]) -> list[dict[str, Any]]:
    return [asdict(cell) | launch.as_dict() for cell, own in launches.items() for launch in own]


def _cells(rows: Sequence[Mapping[str, Any]]) -> dict[Cell, list[Launch]]:
    launches: dict[Cell, list[Launch]] = {}
    for row in rows:
        cell = Cell(row["program"], row["go"], row["cache"])
        launches.setdefault(cell, []).append(Launch.from_dict(row))
    return launches


def load_study(document: Mapping[str, Any]) -> Study:
    """Return the study that a document was made of; its figures are computed anew.

    Raises:
        LabError: the document is not one of schema golab/reproduce/1.
    """
    if document.get("schema") != SCHEMA:
        raise LabError(f"This is not a result of golab reproduce: its schema must be {SCHEMA}.")
    kept = {field.name for field in fields(Binary)} - {"path", "script"}
    return Study(
        binaries=[
            Binary(**{k: row[k] for k in kept}, path=None, script="")
            for row in document["binaries"]
        ],
        launches=_cells(document["launches"]),
        main_launches=_cells(document["main_launches"]),
        seed=document["seed"],
        rounds=document["rounds"],
        machine=document["machine"],
        cautions=[Caution(**row) for row in document["cautions"]],
        interrupted=document["interrupted"],
    )
