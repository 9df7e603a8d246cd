"""Linker lines tried as they are: what ld needs beside a program and a libc.a, and which libc.a.

GNU ld and gcc only: these lines are theirs. What a command printed is kept; folders of this machine
are shortened to their last element.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder, Step, archive_members
from labhelpers.table import Table

OBJECTS = ("main.o", "twice.o")
DIAGRAM_LIBC = "/usr/lib/libc.a"


@dataclass(frozen=True)
class LdLine:
    """One call of ld: the line, whether it made a file, whether that ran, and what it printed."""

    line: str
    idea: str
    linked: bool
    ran: bool
    says: str


@dataclass(frozen=True)
class LibcChoice:
    """Which libc.a a static link took: `taken` says whose, "ours" or "the compiler's own"."""

    setting: str
    command: str
    taken: str


@dataclass(frozen=True)
class LibcUse:
    """What a static program took out of libc.a. Sizes in bytes."""

    archive_bytes: int
    archive_members: int
    taken_members: int
    program_bytes: int


def ld_lines(work: CFolder) -> Table[LdLine]:
    """Try the line of the article's diagram, the same with the true libc.a, and gcc's own line.

    Raises:
        LabError: `CFolder.gnu` says no, or the objects were not made.
    """
    libc = _libc(work)
    objects = [name for name in OBJECTS if work.file(name)]
    own = gcc_line(work)
    lines = [
        ("as in the diagram", ["ld", "--static", "-o", "by-ld", *objects, DIAGRAM_LIBC]),
        ("with libc.a where it is", ["ld", "--static", "-o", "by-ld", *objects, str(libc)]),
        ("as gcc calls it", own),
    ]
    return Table(_try(work, idea, line) for idea, line in lines)


def gcc_line(work: CFolder) -> list[str]:
    """Return the call of the linker that gcc makes for a static program, without its plug-in.

    Raises:
        LabError: gcc shows no such line.
    """
    shown = work.cc("-static", "-###", "-o", "by-ld", *OBJECTS, "-lc")
    for line in shown.errors.splitlines():
        words = shlex.split(line) if "collect2" in line else []
        if words and words[0].endswith("collect2"):
            return ["ld", *_without_plugin(words[1:])]
    raise LabError("gcc -### shows no call of collect2, so its line cannot be tried.")


def start_files(line: list[str]) -> list[str]:
    """Return what a linker line names beside the program's own objects: files, and libraries."""
    objects = [Path(word).name for word in line if word.endswith(".o") and word not in OBJECTS]
    return objects + list(dict.fromkeys(word for word in line if re.match(r"-l\w", word)))


def libc_choices(work: CFolder) -> Table[LibcChoice]:
    """Link with each setting that might decide which libc.a is taken, and look which one was.

    Ours is a link to the same archive in a folder of its own, so that every link can succeed.

    Raises:
        LabError: `CFolder.gnu` says no, or the objects were not made.
    """
    libc = _libc(work)
    folder = work.path / "ours"
    root = work.path / "root"
    inner = root / libc.parent.relative_to("/")
    for place in (folder, inner):
        place.mkdir(parents=True, exist_ok=True)
        for name in ("libc.a", "crt1.o", "crti.o", "crtn.o"):
            link = place / name
            if not link.exists() and (libc.parent / name).exists():
                link.symlink_to(libc.parent / name)
    (folder / "libours.a").unlink(missing_ok=True)
    (folder / "libours.a").symlink_to(libc)
    tried: list[tuple[str, list[str], dict[str, str], str]] = [
        ("nothing", [], {}, "-lc"),
        ("LIBRARY_PATH", [], {"LIBRARY_PATH": str(folder)}, "-lc"),
        ("--sysroot", [f"--sysroot={root}"], {}, "-lc"),
        ("-L", [f"-L{folder}"], {}, "-lc"),
        (
            "LIBRARY_PATH, for a name that is nowhere else",
            [],
            {"LIBRARY_PATH": str(folder)},
            "-lours",
        ),
    ]
    return Table(_choice(work, *one) for one in tried)


def libc_use(work: CFolder, program: str = "app") -> LibcUse:
    """Count what a static program took out of libc.a, from the linker's own map.

    Raises:
        LabError: `CFolder.gnu` says no, or the program does not link.
    """
    libc = _libc(work)
    step = work.cc("-static", "-Wl,-Map=app.map", "-o", program, *OBJECTS, "-lc")
    if not step.ok:
        raise LabError(f"The static program does not link: {step.first_line}")
    head = work.file("app.map").read_text(errors="replace").partition("\nDiscarded input")[0]
    members = set(re.findall(r"/libc\.a\((\S+?\.o)\)", head))
    return LibcUse(
        archive_bytes=libc.stat().st_size,
        archive_members=archive_members(libc),
        taken_members=len(members),
        program_bytes=work.size(program),
    )


def _libc(work: CFolder) -> Path:
    if not work.gnu() or work.libc_archive is None:
        raise LabError("This needs gcc, GNU ld and a static C library.")
    return work.libc_archive


def _try(work: CFolder, idea: str, line: list[str]) -> LdLine:
    (work.path / "by-ld").unlink(missing_ok=True)
    step = work.run(*line)
    made = step.ok and (work.path / "by-ld").is_file()
    ran = made and work.run("./by-ld").output == "42\n"
    return LdLine(_shorten(step.command), idea, made, ran, complaints(step))


def complaints(step: Step, most: int = 3) -> str:
    """Return the first complaints of a linker, each without the file and place it speaks of."""
    found = []
    for line in step.text.splitlines():
        if re.search(r"cannot find|undefined reference|warning|error", line):
            found.append(_shorten(re.sub(r"^.*?(?=cannot|undefined|warning|error)", "", line)))
    return "; ".join(list(dict.fromkeys(found))[:most])


def _choice(
    work: CFolder, setting: str, switches: list[str], variables: dict[str, str], library: str
) -> LibcChoice:
    step = work.cc(
        *switches, "-static", "-Wl,-t", "-o", "choice", *OBJECTS, library, variables=variables
    )
    name = f"lib{library[2:]}.a"
    files = [line for line in step.text.splitlines() if line.partition("(")[0].endswith(name)]
    named = set(switches) | set(variables.values())
    # CFolder leaves its own folder out of what a command printed: ours is a relative path there.
    ours = any(line.startswith(("ours/", "root/")) for line in files)
    taken = "none" if not step.ok or not files else "ours" if ours else "the compiler's own"
    return LibcChoice(setting, _shorten(step.command) if named else step.command, taken)


def _without_plugin(words: list[str]) -> list[str]:
    kept = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "-plugin":
            skip = True
        elif not word.startswith("-plugin-opt"):
            kept.append(word)
    return kept


def _shorten(text: str) -> str:
    """Leave only the last element of this machine's paths, but the diagram's own path as it is."""
    return re.sub(r"(?<![\w.])/(?!usr/lib/libc\.a)[^\s'`:]*/([^\s/'`:]+)", r"\1", text)
