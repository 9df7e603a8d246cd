"""Recorded results: what a run gave on one machine, with everything needed to doubt it.

NAME.json holds all but the launches, and where they come from; NAME.csv.gz holds every launch in
the order it came.
"""

import csv
import gzip
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labhelpers import __version__, machine
from labhelpers.documents import SCHEMA, load_study, study_document
from labhelpers.errors import LabError
from labhelpers.files import read_json, write_whole
from labhelpers.study import Study

if TYPE_CHECKING:
    import pandas as pd

WORDS = {"program", "go", "cache", "command"}
_shown_from_record: set[str] = set()


def data_folder() -> Path:
    """Return the folder of the recorded results: in the checkout, or in the installed package."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "data"
    return (checkout if checkout.is_dir() else package / "_data") / "recorded"


def record(study: Study, name: str, command: str) -> list[Path]:
    """Write a study to the recorded results; return the files.

    Args:
        study: what to keep.
        name: of the files, without ending.
        command: what makes such a record again.
    """
    document = study_document(study)
    launches = document.pop("launches") + document.pop("main_launches")
    table = io.StringIO()
    writer = csv.DictWriter(table, list(launches[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(launches)
    document["recorded"] = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "golab": __version__,
    }
    files = [data_folder() / f"{name}.json", data_folder() / f"{name}.csv.gz"]
    write_whole(files[0], json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    write_whole(files[1], gzip.compress(table.getvalue().encode(), mtime=0))
    return files


def load_recorded(name: str) -> tuple[Study, dict[str, Any]]:
    """Return a recorded study, and where it comes from: date, command, golab's version.

    Raises:
        LabError: there is no such record.
    """
    file = data_folder() / f"{name}.json"
    if not file.is_file():
        names = ", ".join(_studies())
        raise LabError(f"There is no recorded result {name!r}: there are {names or 'none'}.")
    document = read_json(file)
    with gzip.open(file.with_suffix(".csv.gz"), "rt", newline="") as stream:
        rows = [
            {key: value if key in WORDS else _number(value) for key, value in row.items()}
            for row in csv.DictReader(stream)
        ]
    # Only starts for the time to main have one.
    document["launches"] = [row for row in rows if row.get("main_ns") is None]
    document["main_launches"] = [row for row in rows if row.get("main_ns") is not None]
    return load_study(document), document["recorded"]


def _studies() -> list[str]:
    """Return the names of the recorded studies; other results have their launches beside, too."""
    files = sorted(file.with_suffix("") for file in data_folder().glob("*.csv.gz"))
    documents = {file.stem: file.with_suffix(".json") for file in files}
    return [n for n, file in documents.items() if read_json(file).get("schema") == SCHEMA]


def _number(text: str) -> int | None:
    return int(text) if text else None


@dataclass(frozen=True)
class Shown:
    """A table's rows, and where they come from: this machine (`live`) or the record."""

    rows: list[dict[str, Any]]
    live: bool
    note: str

    def to_frame(self) -> "pd.DataFrame":
        """Return the rows as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


def live_or_recorded(
    name: str, measure: Callable[[], list[dict[str, Any]]], impossible: str | None
) -> Shown:
    """Return a table made here, or, where this machine cannot make it, the recorded one.

    With GOLAB_RECORD=1 in the environment a table that was made here is also kept as the record.

    Args:
        name: of the record in `data/recorded`.
        measure: makes the rows: flat, of values that JSON knows.
        impossible: why this machine cannot, in a sentence; None where it can.

    Raises:
        LabError: it is impossible here, and there is no record.
    """
    file = data_folder() / f"{name}.json"
    if impossible is None:
        rows = measure()
        if os.environ.get("GOLAB_RECORD"):
            made = {
                "schema": "golab/table/1",
                "recorded": {"date": datetime.now(UTC).date().isoformat(), "golab": __version__},
                "machine": machine.describe().as_dict(),
                "rows": rows,
            }
            write_whole(file, json.dumps(made, indent=1, ensure_ascii=False) + "\n")
        return Shown(rows, True, "Made on this machine, just now.")
    if not file.is_file():
        raise LabError(f"{impossible} There is no recorded table {name!r} to show instead.")
    document = read_json(file)
    _shown_from_record.add(name)
    date, where = document["recorded"]["date"], document["machine"]["cpu"]
    return Shown(document["rows"], False, f"{impossible} Recorded on {date}, {where}.")


def shown_from_record() -> set[str]:
    """Return the names of the tables that were shown as recorded since this process began."""
    return set(_shown_from_record)
