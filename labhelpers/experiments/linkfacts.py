"""What ties a program's file to others: its loader, its libraries, and what tools say of it."""

from dataclasses import dataclass
from pathlib import Path

from labhelpers.binary.buildinfo import read_buildinfo
from labhelpers.binary.elf import open_elf
from labhelpers.binary.linking import read_linking
from labhelpers.binary.symbols import read_symbols
from labhelpers.experiments.cbuild import Step


@dataclass(frozen=True)
class LinkFacts:
    """The facts of one file, and what they make together.

    `verdict` is that of labhelpers/binary/linking.py, `link` what it means for other files.
    `loader` is empty where the kernel starts the program itself. `dynamic_entries` counts those of
    `.dynamic` without its closing null; `needed` are the libraries that it names. `glibc` is the
    newest version of glibc's interface that the file asks for, `kernel` the oldest Linux that it
    says it runs on (NT_GNU_ABI_TAG): both empty where it asks for none.
    """

    file: str
    verdict: str
    link: str
    bytes: int
    loader: str
    dynamic_entries: int
    needed: tuple[str, ...]
    glibc: str
    kernel: str


@dataclass(frozen=True)
class Said:
    """What a tool said of a file; load addresses, which differ each time, are left out."""

    command: str
    exit_status: int
    stream: str
    prints: str


def said(step: Step) -> Said:
    """Return what a tool said, and on which of its two streams."""
    kept = [line.partition(" (0x")[0].strip() for line in step.text.splitlines()]
    stream = "stderr" if step.errors.strip() else "stdout" if step.output.strip() else "nothing"
    return Said(step.command, step.exit_status, stream, "; ".join(filter(None, kept)))


def link_facts(path: Path, name: str = "") -> LinkFacts:
    """Return the facts of a file; `name` is what to call it, by default its own name.

    Raises:
        BinaryError: it is no ELF file.
    """
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile
    from elftools.elf.gnuversions import GNUVerNeedSection
    from elftools.elf.sections import NoteSection

    entries = 0
    versions: list[str] = []
    kernel = ""
    with open_elf(path) as elf, path.open("rb") as stream:
        linking = read_linking(elf, read_buildinfo(elf), read_symbols(elf))
        parsed = ELFFile(stream)
        for segment in parsed.iter_segments():
            if isinstance(segment, DynamicSegment):
                entries = sum(tag.entry.d_tag != "DT_NULL" for tag in segment.iter_tags())
        for section in parsed.iter_sections():
            if isinstance(section, GNUVerNeedSection):
                versions += [v.name for _, needs in section.iter_versions() for v in needs]
            if isinstance(section, NoteSection):
                for note in section.iter_notes():
                    if note["n_type"] == "NT_GNU_ABI_TAG":
                        tag = note["n_desc"]
                        kernel = f"{tag.abi_major}.{tag.abi_minor}.{tag.abi_tiny}"
        return LinkFacts(
            file=name or path.name,
            verdict=linking.verdict,
            link=_link(bool(linking.interp), bool(linking.needed)),
            bytes=elf.size,
            loader=linking.interp or "",
            dynamic_entries=entries,
            needed=linking.needed,
            glibc=max((v for v in versions if v.startswith("GLIBC_2")), key=_version, default=""),
            kernel=kernel,
        )


def _link(loader: bool, libraries: bool) -> str:
    if libraries:
        return "needs libraries"
    return "needs a loader only" if loader else "needs no other file"


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.removeprefix("GLIBC_").split(".") if part.isdigit())
