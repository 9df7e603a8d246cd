"""What mmap(2) answers to addresses near vm.mmap_min_addr: for whom, and asked in which way.

The calls are real ones, in processes that first become somebody else (labs/programs/mmapcalls).
The kernel has two numbers. Below that of /proc/sys/vm/mmap_min_addr it asks for CAP_SYS_RAWIO
(security/commoncap.c, cap_mmap_addr). A hint below the other it lifts to it (mm/mmap.c,
round_hint_to_min); that one is the greater of the file's and CONFIG_LSM_MMAP_MIN_ADDR
(security/min_addr.c), and no file tells it. Nothing here writes to the file.
"""

import errno
import os
import platform
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder, Step
from labhelpers.table import Table

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "mmapcalls"
LIMIT_FILE = Path("/proc/sys/vm/mmap_min_addr")
PAGE = os.sysconf("SC_PAGESIZE")

SOURCES = {
    "call": "call.c",
    "nullpage": "nullpage.c",
    "setmap": "setmap.c",
    "watch": "watch.c",
    "lifting": "lifting.c lifted.c limit.c",
    "cost": "cost.c lifted.c limit.c",
}

WHO = {
    "you": "you, as you are",
    "root": "root",
    "root-without": "root without CAP_SYS_RAWIO",
    "nobody": "nobody",
    "nobody-with": "nobody with CAP_SYS_RAWIO",
    "namespace": "root of a user namespace",
}
"""Who asks. The capabilities of a user namespace's root count in that namespace alone."""

WAYS = {
    "hint": "a hint",
    "hint-32bit": "a hint, MAP_32BIT",
    "hint-growsdown": "a hint, MAP_GROWSDOWN",
    "hint-file": "a hint, for a file",
    "fixed": "MAP_FIXED",
    "noreplace": "MAP_FIXED_NOREPLACE",
    "fixed-growsdown": "MAP_FIXED, MAP_GROWSDOWN",
    "fixed-file": "MAP_FIXED, for a file",
}
"""How the address is asked for; anonymous memory where no file is named."""
PLACES = ("there", "lifted", "elsewhere")
HINTS = tuple(way for way in WAYS if way.startswith("hint"))
FIXED = tuple(way for way in WAYS if way not in HINTS)


@dataclass(frozen=True)
class Limits:
    """The kernel's two numbers, in bytes: the file's, and the address that low hints are given."""

    file: int
    hints: int

    @property
    def lowest(self) -> int:
        """The lowest hint that is taken as it is, and that needs no capability as an order."""
        return max(self.file, self.hints)


@dataclass(frozen=True)
class Asker:
    """Who asked: the kernel's release as that process reads it, its effective user id, and whether
    it has CAP_SYS_RAWIO in its own user namespace.

    `sees` is what it reads in /proc/sys/vm/mmap_min_addr, -1 where it may not. `opens` is the name
    of the errno(3) with which the file was not opened for writing, empty where it was; nothing is
    written to it.
    """

    who: str
    kernel: str
    user: int
    rawio: bool
    sees: int
    opens: str


@dataclass(frozen=True)
class Answer:
    """What one call of mmap(2) gave.

    `asked` is the address asked for. `error` is the errno's name, empty where the call succeeded;
    `place` then says where the mapping is: "there", "lifted" (at the lowest hint), "elsewhere".
    """

    who: str
    way: str
    asked: int
    error: str
    place: str

    @property
    def text(self) -> str:
        """The answer in a word: the error, or the place."""
        return self.error or self.place


def made(folder: CFolder, name: str) -> str:
    """Compile a program of the folder if that is not done, and return how to call it there.

    Raises:
        LabError: there is no C compiler, or it refuses.
    """
    if not (folder.path / name).is_file():
        step = folder.cc("-O2", "-o", name, *SOURCES[name].split())
        if not step.ok:
            raise LabError(f"{name} could not be compiled: {step.first_line}")
    return f"./{name}"


def said(folder: CFolder, name: str, *words: str) -> list[list[str]]:
    """Run a program of the folder and return the words of its lines.

    Raises:
        LabError: it failed; the message is its own.
    """
    step = folder.run(made(folder, name), *words, timeout=60)
    if not step.ok:
        raise LabError(f"{shlex.join([name, *words[:1]])} failed: {step.text or step.exit_status}.")
    return [line.split() for line in step.output.splitlines()]


def cannot_become(folder: CFolder, who: str) -> str | None:
    """Return why no process here can become `who`, in a sentence; None where one can."""
    if folder.impossible:
        return folder.impossible
    step: Step = folder.run(made(folder, "call"), who)
    return None if step.ok else f"Nobody here can be {WHO[who]} ({step.first_line})."


def error_name(number: int) -> str:
    """Return the name of an errno(3), empty for 0."""
    return errno.errorcode.get(number, str(number)) if number else ""


def read_limits(folder: CFolder) -> Limits:
    """Return the kernel's two numbers: one is read, the other found by a hint of one page.

    Raises:
        LabError: the file cannot be read, or the program does not run.
    """
    try:
        file = int(LIMIT_FILE.read_text())
    except (OSError, ValueError) as error:
        raise LabError(f"{LIMIT_FILE} cannot be read here ({error}): is /proc mounted?") from error
    (_, given) = said(folder, "call", "you", f"hint:{PAGE}")
    return Limits(file, max(int(given[3]), PAGE))


def addresses(limits: Limits) -> list[int]:
    """Return what is worth asking for: 0, one page, and just below, at and above both numbers."""
    edges = [number + step for number in (limits.file, limits.hints) for step in (-PAGE, 0, PAGE)]
    pages = {address // PAGE * PAGE for address in (0, PAGE, *edges)}
    return sorted(address for address in pages if 0 <= address <= limits.lowest + PAGE)


def ask(
    folder: CFolder,
    who: str,
    limits: Limits,
    asked: Iterable[int] | None = None,
    ways: Sequence[str] = tuple(WAYS),
) -> tuple[Asker, Table[Answer]]:
    """Let one process become `who` and ask for every address in every way.

    Raises:
        LabError: nobody can be `who` here, or there is no C compiler.
    """
    wanted = list(addresses(limits) if asked is None else asked)
    requests = [f"{way}:{address}" for way in ways for address in wanted]
    (kernel, user, rawio, sees, opens), *lines = said(folder, "call", who, *requests)
    asker = Asker(who, kernel, int(user), rawio == "1", int(sees), error_name(int(opens)))
    return asker, Table(_answer(who, limits, *line) for line in lines)


@dataclass(frozen=True)
class Kernel:
    """What one kernel answers: its release, its numbers, who asked, and all answers."""

    release: str
    limits: Limits
    askers: list[Asker]
    answers: list[Answer]

    def text(self, who: str, way: str, asked: int) -> str:
        """Return one answer, empty where nobody asked."""
        wanted = (who, way, asked)
        found = (own.text for own in self.answers if (own.who, own.way, own.asked) == wanted)
        return next(found, "")

    def frame(self, who: str) -> "pd.DataFrame":
        """Return the answers to one asker: a row a way, a column an address."""
        import pandas as pd

        own = [answer for answer in self.answers if answer.who == who]
        asked = sorted({answer.asked for answer in own})
        cells = {way: [self.text(who, way, address) for address in asked] for way in WAYS}
        frame = pd.DataFrame.from_dict(cells, orient="index", columns=[size(a) for a in asked])
        return frame.rename(index=WAYS)


def ask_everybody(folder: CFolder) -> Kernel:
    """Ask as everybody whom a process can become here.

    Raises:
        LabError: there is no C compiler, or the limit cannot be read.
    """
    limits = read_limits(folder)
    kernel = Kernel(platform.release(), limits, [], [])
    for who in WHO:
        if cannot_become(folder, who) is None:
            asker, own = ask(folder, who, limits)
            kernel.askers.append(asker)
            kernel.answers.extend(own)
    return kernel


def packed(kernel: Kernel) -> list[dict[str, Any]]:
    """Return a kernel's answers as a record takes them: a row for everybody and every way."""
    rows = []
    for asker in kernel.askers:
        for way in WAYS:
            own = [one for one in kernel.answers if (one.who, one.way) == (asker.who, way)]
            asked = " ".join(str(one.asked) for one in own)
            texts = " ".join(one.text for one in own)
            head = {**asdict(kernel.limits), **asdict(asker)}
            rows.append({**head, "way": way, "asked": asked, "answers": texts})
    return rows


def unpacked(rows: Iterable[Mapping[str, Any]]) -> Kernel:
    """Return the kernel whose answers `packed` wrote.

    Raises:
        LabError: there is no row.
    """
    kept = list(rows)
    if not kept:
        raise LabError("There is no answer of mmap(2) in this record: record it again.")
    first, names = kept[0], [field.name for field in fields(Asker)]
    askers = {row["who"]: Asker(**{name: row[name] for name in names}) for row in kept}
    limits = Limits(first["file"], first["hints"])
    kernel = Kernel(first["kernel"], limits, list(askers.values()), [])
    for row in kept:
        for asked, text in zip(row["asked"].split(), row["answers"].split(), strict=True):
            error, place = ("", text) if text in PLACES else (text, "")
            kernel.answers.append(Answer(row["who"], row["way"], int(asked), error, place))
    return kernel


def _answer(who: str, limits: Limits, way: str, asked: str, error: str, got: str) -> Answer:
    wanted, given = int(asked), int(got)
    place = "elsewhere"
    if int(error):
        place = ""
    elif given == wanted:
        place = "there"
    elif given == limits.lowest:
        place = "lifted"
    return Answer(who, way, wanted, error_name(int(error)), place)


def size(address: int) -> str:
    """Return an address near the limits as people say it: 0, 4 KB, 64 KB."""
    return f"{address // 1024} KB" if address else "0"
