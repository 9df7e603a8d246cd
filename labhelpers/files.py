"""JSON files that are whole or not there."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labhelpers.errors import LabError


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        LabError: not to be read, or not JSON.
    """
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise LabError(f"{path} cannot be read as JSON ({error}): name a result file.") from error
    if not isinstance(document, dict):
        raise LabError(f"{path} holds no JSON object: name a result file.")
    return document


def write_json(target: str, document: Mapping[str, Any]) -> None:
    """Write a document to a file, or to standard output for "-"."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
    else:
        write_whole(Path(target), text)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file by a temporary name and a rename, so that it is whole or not there.

    What is no regular file, /dev/null or a pipe for example, is written to and stays what it is.

    Raises:
        LabError: the folder is missing, read-only or full.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        path = path.resolve()  # a link stays a link
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LabError(
            f"{path} could not be written ({error.strerror}): name a file in a folder with room."
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
