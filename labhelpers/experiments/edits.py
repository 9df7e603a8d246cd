"""A program with a few of its lines changed: a copy below the cache, the original untouched."""

import shutil
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.programs import Program


def changed(program: Program, edits: Mapping[str, Mapping[str, str]]) -> Program:
    """Return a copy of a program in which some texts are replaced by others.

    Args:
        program: the original.
        edits: for each file of it, what to replace by what. Each text must be there once.

    Raises:
        LabError: a file is not there, or a text is in it not once.
    """
    new = {file: _edited(program, file, own) for file, own in edits.items()}
    digest = sha256(repr((program.content, sorted(new.items()))).encode()).hexdigest()[:16]
    place = cache_dir("changed") / digest
    if not place.is_dir():
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="tmp-") as scratch:
            copy = Path(scratch) / program.name
            shutil.copytree(program.folder, copy)
            for file, text in new.items():
                (copy / file).write_text(text)
            try:
                copy.parent.rename(place)
            except OSError as error:
                if not place.is_dir():  # another process may just have made the same
                    raise LabError(f"{place} cannot be made ({error.strerror}).") from error
            else:
                Path(scratch).mkdir()  # for the end of the with statement to remove
    return Program(program.name, place / program.name, program.bundled)


def _edited(program: Program, file: str, edits: Mapping[str, str]) -> str:
    try:
        text = (program.folder / file).read_text()
    except OSError as error:
        raise LabError(
            f"{program.name} has no file {file} ({error.strerror}): name one of its own."
        ) from error
    for old, new in edits.items():
        if text.count(old) != 1:
            raise LabError(
                f"{old!r} is in {file} of {program.name} {text.count(old)} times: "
                "name a text that is there once."
            )
        text = text.replace(old, new)
    return text
