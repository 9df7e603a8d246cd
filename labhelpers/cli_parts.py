"""What the commands of the command line share: their common options, and how results go out."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labhelpers.errors import LabError

if TYPE_CHECKING:
    from labhelpers.startup.rounds import CacheState

INTERRUPTED = 130


def json_target(name: str | None) -> str | None:
    """Refuse a file that cannot be written to, before the work and not after it."""
    if name and name != "-" and not Path(name).parent.is_dir():
        raise LabError(f"The folder {Path(name).parent} is not there: make it, or name another.")
    return name


Json = Annotated[
    str | None,
    typer.Option(
        "--json",
        help="Write the result as JSON to this file, overwriting it, or to - .",
        callback=json_target,
    ),
]
Rounds = Annotated[
    int | None, typer.Option(help="Starts of every command, at least 6 (12 for reproduce).")
]
Seed = Annotated[int | None, typer.Option(help="Decides the order; drawn and shown if not given.")]
Timeline = Annotated[Path | None, typer.Option(help="Write a page with the timeline.")]
Force = Annotated[bool, typer.Option(help="Overwrite that page.")]
Timeout = Annotated[
    float, typer.Option(help="Seconds after which one start is given up.", min=0.01, max=86400)
]


class Interrupted(LabError):
    """Ended by Ctrl-C, after the whole rounds were kept."""

    exit_status = INTERRUPTED


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in a list separated by commas."""
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def cache_states(text: str) -> "tuple[CacheState, ...]":
    """Return the states of the page cache that an option names."""
    names = split_names(text)
    if not names or not set(names) <= {"warm", "cold"}:
        raise LabError(f"There is no cache state {text!r}: take warm, cold, or warm,cold.")
    return tuple(dict.fromkeys(names))  # type: ignore[arg-type]


def one_cache(text: str) -> "CacheState":
    """Return the one state of the page cache that an option names."""
    states = cache_states(text)
    if len(states) != 1:
        raise LabError("This takes one cache state: --cache warm or --cache cold.")
    return states[0]


def refuse_overwriting(files: list[Path], force: bool) -> None:
    """Raise a LabError where a result could not be written, before the work and not after it."""
    for file in files:
        if file.exists() and not file.is_file():
            raise LabError(f"{file} is there and no ordinary file: name another.")
        if file.exists() and not force:
            raise LabError(f"{file} is there already: name another, or add --force.")
        if not file.parent.is_dir():
            raise LabError(f"The folder {file.parent} is not there: make it, or name another.")


def write_page(file: Path, page: str) -> None:
    """Write a page, and say so."""
    from labhelpers.files import write_whole

    write_whole(file, page)
    print(f"golab: wrote {file}", file=sys.stderr)


def deliver(json: str | None, document: dict[str, Any], text: Any) -> None:  # noqa: ANN401
    """Write the document where it was asked for; print the text unless JSON took its place."""
    from labhelpers.files import write_json

    if json:
        write_json(json, document)
    if json != "-":
        print(text())


def as_given(path: Path) -> str:
    """Return a path as it was given; what of it is no text, as Python writes it (\\xff)."""
    return os.fsencode(path).decode(errors="backslashreplace")


def cut_short(reason: str) -> None:
    """End with the status of what cut a run short, after its whole rounds were kept."""
    if reason == "Ctrl-C":
        raise Interrupted("ended by Ctrl-C; the whole rounds were kept.")
    raise LabError(reason)
