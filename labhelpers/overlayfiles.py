"""The files of a `go build -overlay`: written for a build, and written by a shell by hand.

`-overlay` reads a JSON file that names, for files of the source tree, other files to take in their
place (`go help build`); GOROOT itself stays as it is.
"""

import json
import shlex
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from hashlib import sha256
from pathlib import Path, PurePosixPath

from labhelpers.errors import LabError

Overlay = tuple[tuple[str, str], ...]
"""Pairs: a file below GOROOT/src, such as runtime/proc.go, and its whole new text."""


def checked(overlay: Overlay) -> Overlay:
    """Return the overlay with every text ending in a newline, as a shell would write it.

    Raises:
        LabError: a name that leaves GOROOT/src, or one that is given twice.
    """
    seen: set[str] = set()
    for name, _ in overlay:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or len(path.parts) < 2 or name in seen:
            raise LabError(
                f"{name!r} cannot be replaced in a build: name each file once, by its path below "
                "GOROOT/src, such as runtime/proc.go."
            )
        seen.add(name)
    return tuple((name, f"{text.removesuffix(chr(10))}\n") for name, text in overlay)


def write_overlay(overlay: Overlay, goroot: Path, folder: Path) -> Path:
    """Write the new texts and overlay.json into a new `folder`; return overlay.json's path."""
    folder.mkdir()
    replace = {}
    for number, (name, text) in enumerate(checked(overlay)):
        file = folder / own_name(number, name)
        file.write_text(text)
        replace[str(goroot / "src" / name)] = str(file)
    table = folder / "overlay.json"
    table.write_text(json.dumps({"Replace": replace}))
    return table


def own_name(number: int, name: str) -> str:
    """Return the name of a replaced file in the overlay's folder: 0-proc.go."""
    return f"{number}-{PurePosixPath(name).name}"


def shell_lines(overlay: Overlay, goroot: Path) -> str:
    """Return shell lines that write the overlay into a new folder, left in `$overlay`.

    A file that exists is put together from its own lines (`sed -n`) and the new ones, so that the
    script shows what the overlay changes and nothing else.
    """
    lines = ["overlay=$(mktemp -d)"]
    table = ['{"Replace":{']
    for number, (name, text) in enumerate(checked(overlay)):
        original, file = str(goroot / "src" / name), own_name(number, name)
        lines += ["{", *pieces(Path(original), text), f'}} >"$overlay"/{shlex.quote(file)}']
        table[-1] += f'{"," * bool(number)}{json.dumps(original)}:"'
        table.append(f'/{file}"')
    table[-1] += "}}"
    json_text = '"$overlay"'.join(map(shlex.quote, table))
    return "\n".join([*lines, f'printf %s {json_text} >"$overlay"/overlay.json'])


@lru_cache(maxsize=64)  # a build looked up again asks again
def pieces(original: Path, text: str) -> tuple[str, ...]:
    """Return shell commands that print `text`, copying what it shares with the original file."""
    new = text.splitlines(keepends=True)
    try:
        old = original.read_text().splitlines(keepends=True)
    except OSError:  # a file that the overlay adds
        old = []
    return tuple(_pieces(shlex.quote(str(original)), old, new))


def _pieces(original: str, old: list[str], new: list[str]) -> Iterator[str]:
    for kind, begin, end, first, last in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            yield f"sed -n {begin + 1},{end}p {original}"
        elif first < last:
            lines = "".join(new[first:last])
            mark = f"END_{sha256(lines.encode()).hexdigest()[:8]}"
            yield f"cat <<'{mark}'\n{lines}{mark}"
