"""Why cgo is in a program: the causes, and what each switch that removes some would change."""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from labhelpers.binary.buildinfo import read_buildinfo
from labhelpers.binary.elf import open_elf
from labhelpers.binary.linking import read_linking
from labhelpers.binary.symbols import read_symbols
from labhelpers.build import Binary, build_all
from labhelpers.cgo import notes as facts
from labhelpers.cgo import switches as found_by
from labhelpers.cgo.chains import cgo_packages, chains, importers, narrows
from labhelpers.cgo.findings import Cause, Switch
from labhelpers.cgo.imports import Graph, check, dependencies
from labhelpers.cgo.sources import purpose
from labhelpers.cgo.standard import STANDARD
from labhelpers.cgo.switches import NO_CGO, Setting
from labhelpers.configs import find_config
from labhelpers.gomessages import explain
from labhelpers.programs import Program
from labhelpers.toolchain import Toolchain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cause", "CgoReport", "Switch", "cgo_report", "linking_words", "with_builds"]

MANY = 400
"""Packages above which tags are built together only: each build compiles nearly all of them anew.

A program on net/http and little else has some 200.
"""
IMPORTERS = 12
"""Packages that are kept of those that import a cause: net has hundreds in large programs."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CgoReport:
    """Why cgo is in one program.

    `default_linking` says how the default build was linked, or why it is not known. `causes` are in
    the order of the length of their chains, none where the program holds no C. `switches` begin
    with CGO_ENABLED=0 and end with all tags together, where more than one takes something out.
    `notes` are facts beside the causes: what looks like C and is none, what the machine decided.
    """

    program: str
    go: str
    default_linking: str
    causes: tuple[Cause, ...]
    switches: tuple[Switch, ...]
    notes: tuple[str, ...] = ()

    def switch(self, name: str) -> Switch | None:
        """Return the switch of this name, None where it was not tried."""
        return next((switch for switch in self.switches if switch.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "CgoReport":
        """Return the report that `as_dict` gave, also after a way through JSON."""
        return cls(
            program=document["program"],
            go=document["go"],
            default_linking=document["default_linking"],
            causes=tuple(Cause(**_tuples(row)) for row in document["causes"]),
            switches=tuple(Switch(**_tuples(row)) for row in document["switches"]),
            notes=tuple(document.get("notes", ())),
        )

    def to_frame(self) -> "pd.DataFrame":
        """Return the causes as a table, a row each: where they come from and what removes them."""
        import pandas as pd

        rows = [
            {
                "package": cause.package,
                "from": cause.module or "standard library",
                "chain": " → ".join(cause.chain),
                "removed by": ", ".join(cause.removed_by) or "nothing that was tried",
                "in its place": cause.in_its_place,
            }
            for cause in self.causes
        ]
        columns = ["package", "from", "chain", "removed by", "in its place"]
        return pd.DataFrame(rows, columns=columns).set_index("package")

    def switches_frame(self) -> "pd.DataFrame":
        """Return the switches as a table, a row each: what they remove and whether it builds."""
        import pandas as pd

        rows = [
            {
                "switch": own.name,
                "removes": ", ".join(own.removes) or "nothing",
                "left": ", ".join(own.left) or "nothing",
                "builds": {True: "yes", False: "no", None: "not tried"}[own.builds],
                "linking": own.linking,
            }
            for own in self.switches
        ]
        columns = ["switch", "removes", "left", "builds", "linking"]
        return pd.DataFrame(rows, columns=columns).set_index("switch")


def cgo_report(
    program: Program,
    chain: Toolchain,
    try_builds: bool = True,
    progress: Progress = lambda stage, more, whole: None,
    stop: threading.Event | None = None,
) -> CgoReport:
    """Find out why cgo is in a program, with what it could be taken out, and what that changes.

    Args:
        program: bundled, a folder of the user's, or one in the module cache; nothing is written
            to its folder.
        chain: the Go release.
        try_builds: build it with each switch too (labhelpers.build, cached), so that `builds`
            and `default_linking` are known.
        progress: called with "list" or "build", how many are newly done, and of how many.
        stop: ends the work within a second, as soon as it is set; finished builds are kept.

    Raises:
        LabError: the program cannot be listed or is a library: one sentence says why.
        Stopped: `stop` was set.
    """

    def listed(settings: list[Setting]) -> dict[Setting, Graph]:
        def one(setting: Setting) -> Graph:
            return dependencies(program, chain, setting.cgo, setting.tags, stop)

        graphs = {}
        with ThreadPoolExecutor(2) as pool:
            for setting, other in zip(settings, pool.map(one, settings), strict=True):
                graphs[setting] = other
                progress("list", 1, len(settings))
        return graphs

    graph = dependencies(program, chain, stop=stop)
    check(program, graph)
    others = listed(found_by.single_settings(graph))
    if together := _together(graph, others):
        others |= listed([together])
    wanted = _worth_building(graph, others)
    built: dict[Setting | None, Binary] = {}
    if try_builds:
        configs = [find_config("default"), *(setting.config for setting in wanted)]
        jobs = [(program, config, chain) for config in configs]
        binaries = build_all(jobs, lambda binary: progress("build", 1, len(jobs)), stop)
        built = dict(zip([None, *wanted], binaries, strict=True))
    default = built.get(None)
    switches = tuple(
        _switch(graph, other, built.get(setting, default if _same(graph, other) else None), setting)
        for setting, other in others.items()
    )
    return CgoReport(
        program=program.name,
        go=chain.release,
        default_linking=_linked(default) or "not built",
        causes=tuple(_cause(graph, name, others) for name in cgo_packages(graph)),
        switches=switches,
        notes=tuple(facts.notes(graph, chain)),
    )


def with_builds(report: CgoReport, binaries: Iterable[Binary]) -> CgoReport:
    """Return the report with what builds that were made elsewhere tell: linking, and errors.

    Args:
        report: made with `try_builds` or without.
        binaries: builds of the same program; those of the configurations `default` and `trim`
            count, and others whose name is that of a switch.
    """
    by_name = {{"trim": NO_CGO}.get(binary.config, binary.config): binary for binary in binaries}
    return replace(
        report,
        default_linking=_linked(by_name.get("default")) or report.default_linking,
        switches=tuple(
            _with_build(switch, by_name[switch.name]) if switch.name in by_name else switch
            for switch in report.switches
        ),
    )


def linking_words(binary: Binary) -> str:
    """Return how a built file was linked, by whom, and what it needs: "dynamic, by …"."""
    if binary.path is None:
        return ""
    with open_elf(binary.path) as elf:
        found = read_linking(elf, read_buildinfo(elf), read_symbols(elf))
    who = {"internal": ", by Go's own linker", "external": ", by a C linker"}.get(found.mode, "")
    return f"{found.verdict}{who}" + (f", needs {', '.join(found.needed)}" if found.needed else "")


def _together(graph: Graph, others: Mapping[Setting, Graph]) -> Setting | None:
    """Return all the tags that take something out, as one switch; None where that is one tag."""
    tags = tuple(
        tag
        for setting, other in others.items()
        if setting.cgo and found_by.removed(graph, other)[0]
        for tag in setting.tags
    )
    return Setting(True, tags) if len(tags) > 1 else None


def _worth_building(graph: Graph, others: Mapping[Setting, Graph]) -> list[Setting]:
    """Return CGO_ENABLED=0 and the tags that take something out, of many packages only together."""
    return [
        setting
        for setting, other in others.items()
        if not setting.cgo
        or (found_by.removed(graph, other)[0] and (len(setting.tags) > 1 or len(graph) <= MANY))
    ]


def _same(graph: Graph, other: Graph) -> bool:
    return not found_by.changes(graph, other)


def _linked(binary: Binary | None) -> str:
    if binary is None:
        return ""
    return linking_words(binary) or f"not built: {explain(binary.log, binary.program)}"


def _with_build(switch: Switch, binary: Binary) -> Switch:
    if binary.error is None:
        return replace(switch, builds=True, error=None, linking=linking_words(binary))
    error = switch.error or explain(binary.log, binary.program)
    return replace(switch, builds=False, error=error, differs=(), linking="")


def _switch(graph: Graph, other: Graph, binary: Binary | None, setting: Setting) -> Switch:
    gone, left = found_by.removed(graph, other)
    error = found_by.broken(other)
    switch = Switch(
        name=setting.name,
        removes=gone,
        left=left,
        builds=False if error else None,
        error=error,
        differs=() if error else found_by.differences(graph, other, gone),
    )
    return _with_build(switch, binary) if binary else switch


def _cause(graph: Graph, name: str, others: Mapping[Setting, Graph]) -> Cause:
    package = graph[name]
    removing = [
        (setting, other)
        for setting, other in others.items()
        if name in found_by.removed(graph, other)[0] and len(setting.tags) < 2
    ]
    return Cause(
        package=name,
        module=package.module,
        standard=package.standard,
        chain=next(iter(chains(graph, name, 1)), (name,)),
        c_files=len(package.foreign_files),
        why=" ".join((_purpose(graph, name), *_ways(graph, name))),
        removed_by=tuple(setting.name for setting, _ in removing),
        in_its_place=found_by.place(package, removing[0][1])
        if removing
        else "nothing: no switch that was tried takes it out",
        cgo_files=package.cgo_files,
        importers=tuple(importers(graph, name)[:IMPORTERS]),
    )


def _purpose(graph: Graph, name: str) -> str:
    known = STANDARD.get(name)
    return known.why if known and graph[name].standard else purpose(graph[name])


def _ways(graph: Graph, name: str) -> list[str]:
    """Return a sentence on the imports without which a package would not be in the program."""
    only = narrows(graph, name)
    if not only:
        return []
    return [f"Every way to it leads through {only[-1]}: without that import it would not be in."]


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
