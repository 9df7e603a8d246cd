"""The ways round vm.mmap_min_addr that the article names, tried: its helper, and prctl(2).

The helper is the article's idea in words of our own (labs/programs/mmapcalls/lifted.c): a hint
below the limit is lifted to it, and a missing one replaced by MAP_FAILED. prctl is PR_SET_MM_MAP,
which tells the kernel where a process has its code, data and heap (kernel/sys.c).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labhelpers.experiments.cbuild import CFolder, Step
from labhelpers.experiments.mmapcalls import LIMIT_FILE, error_name, made, said, size
from labhelpers.table import Table

if TYPE_CHECKING:
    import pandas as pd

HIGH_UP = 1 << 32
"""From here on an address is told by its bits alone."""


@dataclass(frozen=True)
class Lifted:
    """One call through the helper beside the same call without: an error's name, or an address.

    `flag` is "hint" or "fixed"; the addresses are -1 where the call failed.
    """

    flag: str
    asked: int
    plain_error: str
    plain: int
    helper_error: str
    helper: int


@dataclass(frozen=True)
class Occupied:
    """A page with a word in it lies at the limit, and the helper is asked for a page below.

    `flag` is "hint", "fixed" or "noreplace"; `error` the errno's name, `kept` whether the word is
    still there.
    """

    flag: str
    error: str
    kept: bool


@dataclass(frozen=True)
class NullPage:
    """What became of a null pointer: whether page 0 was mapped, and how the program ended."""

    who: str
    mapped: bool
    read: bool
    signal: int


@dataclass(frozen=True)
class SetMap:
    """What prctl(PR_SET_MM) answers, and what MAP_FIXED at page 0 does before and after.

    All but `changed` are names of errno(3), empty for success: `same` sets what is there already,
    `other` other values, which then `changed` the process's own numbers; `below` sets addresses
    below the limit; `single` is the older call that sets one field. `limit_stays`: the file of
    the limit tells the same before and after.
    """

    who: str
    before: str
    same: str
    other: str
    changed: bool
    below: str
    single: str
    after: str
    limit_stays: bool


def link_without_limit(folder: CFolder) -> Step:
    """Link the helper with the C library alone, which has no get_mmap_min_addr.

    Raises:
        LabError: there is no C compiler.
    """
    for source in ("lifting.c", "lifted.c"):
        folder.cc("-O2", "-c", source)  # zig takes one file at a time with -c
    return folder.cc("-o", "alone", "lifting.o", "lifted.o")


def lift(folder: CFolder, who: str, asked: Sequence[int]) -> tuple[Table[Lifted], Table[Occupied]]:
    """Ask for addresses with and without the helper, and for one where a page is in the way.

    Raises:
        LabError: nobody can be `who` here, or there is no C compiler.
    """
    calls: dict[tuple[str, int], dict[str, tuple[str, int]]] = {}
    occupied: Table[Occupied] = Table()
    for name, flag, address, number, rest in said(folder, "lifting", who, *map(str, asked)):
        error = error_name(int(number))
        if name == "occupied":
            occupied.append(Occupied(flag, error, rest == "kept"))
        else:
            given = -1 if error else int(rest)
            calls.setdefault((flag, int(address)), {})[name] = (error, given)
    rows = [
        Lifted(flag, address, *own["mmap"], *own["helper"])
        for (flag, address), own in calls.items()
    ]
    return Table(sorted(rows, key=lambda row: (row.flag != "hint", row.asked))), occupied


def lifted_frame(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """Return calls with and without the helper as a table: errors and addresses in words.

    Args:
        rows: the fields of `Lifted`, as a record has them.
    """
    import pandas as pd

    return pd.DataFrame(
        {
            "asked as": "MAP_FIXED" if row["flag"] == "fixed" else "a hint",
            "address": in_words(row["asked"]),
            "mmap": row["plain_error"] or in_words(row["plain"]),
            "the helper": row["helper_error"] or in_words(row["helper"]),
        }
        for row in rows
    )


def in_words(address: int) -> str:
    """Return a low address in KB (a few in bytes), of a high one how many bits it has."""
    if address >= HIGH_UP:
        return f"an address of {address.bit_length()} bits"
    return f"{address} B" if 0 < address < 1024 else size(address)


def null_page(folder: CFolder, who: str) -> NullPage:
    """Ask for page 0 with MAP_FIXED, then follow a null pointer.

    Raises:
        LabError: there is no C compiler.
    """
    step = folder.run(made(folder, "nullpage"), who)
    return NullPage(
        who,
        mapped="mmap: mapped" in step.output,
        read="leads to" in step.output,
        signal=max(-step.exit_status, 0),
    )


def set_map(folder: CFolder, who: str) -> SetMap:
    """Try prctl(PR_SET_MM, PR_SET_MM_MAP) in a process of its own.

    Raises:
        LabError: nobody can be `who` here, or there is no C compiler.
    """
    limit = LIMIT_FILE.read_text()
    values = {name: int(number) for name, number in said(folder, "setmap", who)}
    return SetMap(
        who,
        before=error_name(values["fixed-before"]),
        same=error_name(values["same"]),
        other=error_name(values["other"]),
        changed=bool(values["own-numbers-changed"]),
        below=error_name(values["below"]),
        single=error_name(values["single-field"]),
        after=error_name(values["fixed-after"]),
        limit_stays=LIMIT_FILE.read_text() == limit,
    )


def align_up(address: int, limit: int) -> int:
    """Return what a macro ALIGN_UP gives: the next multiple of the limit that is not below."""
    return (address + limit - 1) // limit * limit
