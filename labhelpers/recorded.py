"""Recorded results: what a run gave on one machine, with everything needed to doubt it.

NAME.json holds all but the launches, and where they come from; NAME.csv.gz holds every launch in
the order it came.
"""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labhelpers import __version__
from labhelpers.documents import load_study, study_document
from labhelpers.errors import LabError
from labhelpers.files import read_json, write_whole
from labhelpers.study import Study

WORDS = {"program", "go", "cache", "command"}


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
    launches = document.pop("launches")
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
        names = ", ".join(sorted(path.stem for path in data_folder().glob("*.json")))
        raise LabError(f"There is no recorded result {name!r}: there are {names or 'none'}.")
    document = read_json(file)
    with gzip.open(file.with_suffix(".csv.gz"), "rt", newline="") as stream:
        document["launches"] = [
            {key: value if key in WORDS else _number(value) for key, value in row.items()}
            for row in csv.DictReader(stream)
        ]
    return load_study(document), document["recorded"]


def _number(text: str) -> int | None:
    return int(text) if text else None
