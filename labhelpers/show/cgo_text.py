"""Why cgo is in a program, as text for a terminal: the causes, the switches, what differs."""

from textwrap import fill

from labhelpers.cgo.findings import Cause, Switch
from labhelpers.cgo.report import CgoReport
from labhelpers.show.anatomy_text import WIDTH, clean, clean_text

BUILDS = {True: "yes", False: "no", None: "not tried"}
NOTHING = "nothing"
NARROW = 18
"""Letters of names in a cell of the table of switches."""


def cgo_text(report: CgoReport, width: int = WIDTH) -> str:
    """Return the whole answer, the causes first, in lines of at most `width` letters.

    Only names of packages are never broken, and the table of switches, of some 100 letters.
    """
    head = [
        _wrapped("program        ", f"{clean(report.program)}, Go {clean(report.go)}", width),
        _wrapped("default build  ", report.default_linking, width),
    ]
    parts = [
        "\n".join(head),
        _head(report),
        *(_cause(cause, width) for cause in report.causes),
        _switches(report),
        _errors(report, width),
        _differences(report, width),
        "\n".join(_wrapped("note: ", note, width) for note in report.notes),
    ]
    return "\n\n".join(filter(None, parts))


def differences(report: CgoReport) -> list[tuple[str, str]]:
    """Return each sentence on what differs once, with the names of the switches it is true of.

    Switches that take nothing out are left aside: nobody would use them for that.
    """
    by_sentence: dict[str, list[str]] = {}
    for switch in (switch for switch in report.switches if switch.removes):
        for sentence in switch.differs:
            by_sentence.setdefault(sentence, []).append(switch.name)
    return [(", ".join(_alone(names)), sentence) for sentence, names in by_sentence.items()]


def _alone(names: list[str]) -> list[str]:
    """Leave out tags together where one of them alone is named."""
    return [n for n in names if "," not in n or not set(n.split(",")) & set(names)]


def _head(report: CgoReport) -> str:
    count = len(report.causes)
    if not count:
        return 'No package of it holds import "C": there is nothing to take out.'
    return f'{count} package{"s" if count > 1 else ""} with import "C":'


def _cause(cause: Cause, width: int) -> str:
    where = clean(cause.module) or "standard library"
    files = f"{len(cause.cgo_files)} Go files" if len(cause.cgo_files) != 1 else "1 Go file"
    files += f", {cause.c_files:,} of C or the like" if cause.c_files else ""
    chain = " → ".join(clean(name) for name in cause.chain)
    if len(cause.chain) < 2:
        chain = "by nothing: it is the program itself"
    return "\n".join(
        [
            f"{clean(cause.package)}  ({where}; {files})",
            _wrapped("  imported    ", chain, width),
            _wrapped("  what for    ", cause.why, width),
            _wrapped(
                "  removed by  ", ", ".join(cause.removed_by) or "nothing that was tried", width
            ),
            _wrapped("  instead     ", cause.in_its_place, width),
        ]
    )


def _switches(report: CgoReport) -> str:
    rows = [["SWITCH", "TAKES OUT", "LEAVES", "BUILDS", "LINKED"]]
    rows += [_row(switch, len(report.causes)) for switch in report.switches]
    return _columns(rows)


def _row(switch: Switch, count: int) -> list[str]:
    return [
        clean(switch.name),
        _names(switch.removes, count),
        _names(switch.left, count),
        BUILDS[switch.builds],
        clean(switch.linking.partition(", needs")[0]) or "–",
    ]


def _names(names: tuple[str, ...], count: int) -> str:
    """Return a few short names as they are, else how many of all they are."""
    shown = ", ".join(clean(name) for name in names)
    if len(shown) > NARROW:
        return f"{len(names)} of {count}" if len(names) < count else "all"
    return shown or NOTHING


def _errors(report: CgoReport, width: int) -> str:
    by_error: dict[str, list[str]] = {}
    for switch in report.switches:
        if switch.error:
            by_error.setdefault(switch.error, []).append(clean(switch.name))
    return "\n".join(
        _wrapped(f"{', '.join(names)}: ", error, width) for error, names in by_error.items()
    )


def _differences(report: CgoReport, width: int) -> str:
    rows = differences(report)
    if not rows:
        return ""
    lines = ["What is different then:"]
    lines += [_wrapped("- ", f"{sentence} ({names})", width) for names, sentence in rows]
    return "\n".join(lines)


def _wrapped(head: str, text: str, width: int) -> str:
    indent = " " * len(head) if len(head) < 20 else "    "
    return fill(
        clean_text(text),
        width,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _columns(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
