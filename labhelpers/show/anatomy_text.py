"""What is in a file, or the difference of two, as text for a terminal: a table first."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from labhelpers.binary.packages import COLUMNS
from labhelpers.show.tables import columns

if TYPE_CHECKING:
    from labhelpers.binary.anatomy import Anatomy
    from labhelpers.binary.diff import Delta, Diff

LONGEST = 160
"""Characters of a name that are shown."""
WIDTH = 110
SWITCHES = ("CGO_ENABLED", "-buildmode", "-ldflags", "-tags", "-trimpath", "vcs.revision")
"""Settings of the build that are shown, where the file names them."""


def clean(name: str, longest: int = LONGEST) -> str:
    """Return a name from a file as text that cannot steer a terminal or turn its lines around.

    What does not print is written as Python writes it (\\x1b); a long name loses its middle.
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    if len(text) > longest:
        half = longest // 2 - 1
        text = f"{text[:half]}…{text[-half:]}"
    return text


def clean_text(text: str) -> str:
    """Return a sentence in which names from a file stand, as `clean` does, but longer."""
    return clean(text, 600)


def signed(change: int) -> str:
    """Return a change in bytes with its sign."""
    return f"{change:+,}".replace("-", "−") if change else "±0"


def anatomy_text(anatomy: "Anatomy", top: int) -> str:
    """Return a file's facts, sections, largest packages and notes."""
    parts = [
        columns_left(facts(anatomy)),
        _sections(anatomy),
        _packages(anatomy, top),
        "\n".join(note(text) for text in anatomy.notes),
    ]
    return "\n\n".join(filter(None, parts))


def facts(anatomy: "Anatomy") -> list[tuple[str, str]]:
    """Return what there is to say about a file at once: a word for it, and the sentence."""
    linking, info, dwarf = anatomy.linking, anatomy.buildinfo, anatomy.dwarf
    verdict, mode, *stripping = map(clean_text, linking.sentences)
    rows = [
        ("file", f"{_named(anatomy)}, {_processor(anatomy)}"),
        ("linking", f"{linking.verdict}. {verdict} {mode}"),
    ]
    if linking.interp or linking.needed:
        needed = clean_text(", ".join(linking.needed)) or "no library"
        rows.append(("needs", f"{clean(linking.interp or 'no loader')}; {needed}"))
    rows.append(("stripped", f"{linking.stripped}. {' '.join(stripping)}"))
    if info:
        switches = [f"{name}={info.settings[name]}" for name in SWITCHES if name in info.settings]
        rows.append(("built", clean_text(", ".join([f"Go {info.go}", info.path, *switches]))))
    if dwarf:
        size = f"{dwarf.file_bytes:,} bytes"
        if dwarf.compressed:
            size += f", compressed from {dwarf.full_bytes:,}"
        rows.append(("debug data", f"DWARF {dwarf.version}, {size}"))
    if anatomy.functions:
        rows.append(("functions", f"{len(anatomy.functions):,} of Go"))
    if anatomy.build_id:
        rows.append(("build id", clean(anatomy.build_id)))
    return rows


def _sections(anatomy: "Anatomy") -> str:
    rows = [["SECTION", "FILE", "MEMORY"]]
    words = ["WHAT IT HOLDS"]
    for row in sorted(anatomy.sections, key=lambda row: -row.file_bytes):
        rows.append([clean(row.section, 40), f"{row.file_bytes:,}", f"{row.memory_bytes:,}"])
        words.append(row.meaning)
    memory = sum(row.memory_bytes for row in anatomy.sections)
    rows.append(["total", f"{anatomy.file_bytes:,}", f"{memory:,}"])
    words.append("")
    lines = columns(rows).splitlines()
    return "\n".join(f"{line}  {w}".rstrip() for line, w in zip(lines, words, strict=True))


def _packages(anatomy: "Anatomy", top: int) -> str:
    titles = ["PACKAGE", "BYTES", "SHARE", *(name.upper() for name in COLUMNS)]
    return columns([titles, *package_rows(anatomy, top)])


def package_rows(anatomy: "Anatomy", top: int) -> list[list[str]]:
    """Return the largest packages as cells, then the others together, and the sum."""
    every = anatomy.packages
    shown = top if len(every) > top + 1 else len(every)
    groups = [(clean(row.package, 60), [row]) for row in every[:shown]]
    if every[shown:]:
        groups.append((f"({len(every) - shown:,} smaller)", every[shown:]))
    groups.append(("total", every))
    rows = []
    for name, some in groups:
        own = [sum(getattr(row, column) for row in some) for column in COLUMNS]
        share = f"{100 * sum(own) / anatomy.file_bytes:.1f} %"
        rows.append([name, f"{sum(own):,}", share, *(f"{n:,}" if n else "·" for n in own)])
    return rows


def diff_text(diff: "Diff", top: int) -> str:
    """Return the changes of two files: sections, packages and symbols, the largest first."""
    both = (("before", diff.a), ("after", diff.b))
    head = [
        (when, f"{_named(own)}; {own.linking.verdict}, {own.linking.mode} link{_release(own)}")
        for when, own in both
    ]
    head.append(("change", f"{signed(diff.bytes)} bytes, {change_in_percent(diff)}"))
    notes = [note(f"{when}: {text}") for when, own in both for text in own.notes]
    parts = [
        columns_left(head),
        _deltas("SECTION", diff.sections, top),
        _deltas("PACKAGE", diff.packages, top),
        _deltas("SYMBOL", diff.symbols, top),
        "\n".join(notes),
    ]
    return "\n\n".join(filter(None, parts))


def change_in_percent(diff: "Diff") -> str:
    """Return the change as a share of the first file."""
    share = 100 * diff.bytes / diff.a.file_bytes
    return f"{share:+.1f} %".replace("-", "−")


def delta_rows(deltas: Sequence["Delta"], top: int) -> list[list[str]]:
    """Return the largest changes as cells, then the others, what stayed the same, and the sum."""
    changed = [row for row in deltas if row.delta]
    shown = top if len(changed) > top + 1 else len(changed)
    rows = [_cells(clean(row.name, 70), [row]) for row in changed[:shown]]
    smaller, same = changed[shown:], [row for row in deltas if not row.delta]
    if smaller:
        rows.append(_cells(f"({len(smaller):,} smaller changes)", smaller))
    if same:
        rows.append(_cells(f"({len(same):,} the same)", same))
    return [*rows, _cells("total", deltas)]


def _deltas(title: str, deltas: Sequence["Delta"], top: int) -> str:
    return columns([[title, "BEFORE", "AFTER", "CHANGE"], *delta_rows(deltas, top)])


def _cells(name: str, rows: Sequence["Delta"]) -> list[str]:
    before, after = sum(row.before for row in rows), sum(row.after for row in rows)
    return [name, f"{before:,}", f"{after:,}", signed(after - before)]


def _release(anatomy: "Anatomy") -> str:
    return f", Go {clean(anatomy.buildinfo.go)}" if anatomy.buildinfo else ""


def _processor(anatomy: "Anatomy") -> str:
    return anatomy.machine.removeprefix("EM_").replace("_", "-").lower()


def _named(anatomy: "Anatomy") -> str:
    return f"{clean(anatomy.path.name)}, {anatomy.file_bytes:,} bytes"


def columns_left(rows: Sequence[tuple[str, str]]) -> str:
    """Return names and sentences, the sentences wrapped beside the names."""
    wide = max(len(name) for name, _ in rows) + 2
    return "\n".join(
        fill(text, WIDTH, initial_indent=name.ljust(wide), subsequent_indent=" " * wide)
        for name, text in rows
    )


def note(text: str) -> str:
    """Return a note as it stands below the tables."""
    return fill(f"note: {clean_text(text)}", WIDTH, subsequent_indent="      ")
