"""What one lab's run found on its claims, as a file: the checks, not the verdicts.

A verdict follows from these checks and the article's figures; it is computed when it is asked for
(`labhelpers/verdicts.py`), so that neither a file nor a person writes one down.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labhelpers import __version__, machine
from labhelpers.errors import LabError
from labhelpers.files import read_json, write_whole
from labhelpers.measured import Check, check_as_json, check_from
from labhelpers.recorded import data_folder, shown_from_record

SCHEMA = "golab/evidence/1"


@dataclass(frozen=True)
class Evidence:
    """The checks of one lab's run by claim, each with the text that stands against the article's.

    `from_record` names the tables that this machine could not make and the lab showed as recorded.
    """

    lab: str
    date: str
    machine: Mapping[str, Any]
    from_record: tuple[str, ...]
    checks: Mapping[str, Mapping[str, Check]]
    measured: Mapping[str, str]


def own_folder() -> Path:
    """Return where the user's runs are kept: $GOLAB_LEDGER, else the platform's data folder."""
    from platformdirs import user_data_path

    named = os.environ.get("GOLAB_LEDGER")
    return Path(named).absolute() if named else user_data_path("golab") / "verdicts"


def recorded_folder() -> Path:
    """Return where the committed runs are."""
    return data_folder().parent / "verdicts"


def write_evidence(
    lab: str, checks: Mapping[str, Mapping[str, Check]], measured: Mapping[str, str]
) -> Path:
    """Keep what a lab's run found, in place of what an earlier run of it had; return the file.

    Raises:
        LabError: the folder cannot be written to.
    """
    document = {
        "schema": SCHEMA,
        "lab": lab,
        "date": datetime.now(UTC).date().isoformat(),
        "golab": __version__,
        "machine": machine.describe().as_dict(),
        "from_record": sorted(shown_from_record()),
        "evidence": {
            claim: {
                "checks": {name: check_as_json(check) for name, check in own.items()},
                "measured": measured[claim],
            }
            for claim, own in checks.items()
        },
    }
    file = own_folder() / f"{lab}.json"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(
            f"{file.parent} cannot be made ({error.strerror}): set GOLAB_LEDGER to a folder that "
            "can be written to."
        ) from error
    write_whole(file, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return file


def read_evidence(lab: str, folder: Path) -> Evidence | None:
    """Return what a lab's last run found, None where it has not run.

    Raises:
        LabError: the file is not one that `write_evidence` wrote.
    """
    file = folder / f"{lab}.json"
    if not file.is_file():
        return None
    document = read_json(file)
    try:
        if document["schema"] != SCHEMA:
            raise KeyError("schema")
        found = document["evidence"]
        return Evidence(
            lab=document["lab"],
            date=document["date"],
            machine=document["machine"],
            from_record=tuple(document["from_record"]),
            checks={
                claim: {name: check_from(check) for name, check in own["checks"].items()}
                for claim, own in found.items()
            },
            measured={claim: own["measured"] for claim, own in found.items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise LabError(
            f"{file} is no lab's evidence ({error} is missing or wrong): delete it and run the lab "
            "again."
        ) from error
