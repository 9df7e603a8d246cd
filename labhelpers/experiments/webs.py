"""The same small service on net/http and on four frameworks: what each brings, and what it costs.

Every program has the same main.go, which listens, says where, and lets `serve` in service.go
answer; nothing else differs but what service.go imports.
"""

import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from labhelpers.build import build_all
from labhelpers.cgo.chains import cgo_packages
from labhelpers.cgo.imports import dependencies
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments.initranking import InitSum, RankedInit, rank_inits
from labhelpers.experiments.linkfacts import link_facts
from labhelpers.experiments.worth import Job, not_worth_building
from labhelpers.programs import find_program
from labhelpers.runtime.inittrace import run_inittrace
from labhelpers.startup.analysis import comparisons
from labhelpers.startup.estimate import percent
from labhelpers.startup.measure import TWIN, Measurement, measure
from labhelpers.startup.serving import ready_address
from labhelpers.startup.spawn import Command
from labhelpers.startup.tomain import main_ns
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

WEBS = {
    "net/http": "web-nethttp",
    "chi": "web-chi",
    "echo": "web-echo",
    "gin": "web-gin",
    "fiber": "web-fiber",
}
"""The programs by their frameworks."""
ALL = tuple(WEBS)
CONFIGS = ("default", "trim")
MINUTES = "some minutes"


@dataclass(frozen=True)
class Web:
    """What one service is made of.

    `packages` counts all of them, `foreign` those from other modules than Go's and its own,
    `modules` the modules that these come from. `cgo` names the packages with `import "C"` in the
    default build; `link` says what that file needs, and `inits` counts the packages whose inits
    run before main. What begins with `trimmed` is of CGO_ENABLED=0.
    """

    framework: str
    packages: int
    foreign: int
    modules: int
    cgo: str
    bytes: int
    link: str
    trimmed_bytes: int
    trimmed_link: str
    inits: int
    trimmed_inits: int


@dataclass(frozen=True)
class Answer:
    """What a service answers: the media type without its parameters, the body without its end."""

    target: str
    status: int
    type: str
    body: str


@dataclass(frozen=True)
class Answered:
    """What one service answers to `GET /` and to `GET /fruit/plum`."""

    framework: str
    root: str
    plum: str


@dataclass(frozen=True)
class WebStart:
    """The start of one service to its first answer: milliseconds, with a 95 % interval.

    `ratio` compares it with `baseline`, which is net/http built the same way, or the same framework
    with cgo; `verdict` is "baseline" where it is that itself.
    """

    framework: str
    config: str
    start_ms: float
    start_low_ms: float
    start_high_ms: float
    baseline: str
    ratio: float
    low: float
    high: float
    floor: float
    verdict: str


@dataclass(frozen=True)
class Part:
    """Where one service's start goes, built without cgo: medians in milliseconds.

    `main_ms` is the time to main and `serving_ms` what comes after it, up to the first answer; both
    of starts of their own, None where main cannot be seen. `inits_ms` adds up what inittrace says
    of each package, `before_ms` is what of the time to main is not inits. `share` is the inits'
    part of the start, in per cent; `packages` counts those that have inits, `slowest` is the one
    with the longest.
    """

    framework: str
    packages: int
    start_ms: float
    main_ms: float | None
    before_ms: float | None
    inits_ms: float
    serving_ms: float | None
    share: float
    slowest: str
    slowest_ms: float


@dataclass(frozen=True)
class WebStarts:
    """All that was measured in one go.

    `against` compares the frameworks with net/http, `trimming` each one with its own default build,
    `parts` divides the starts, `inits` has the slowest packages of each.
    """

    against: Table[WebStart]
    trimming: Table[WebStart]
    parts: Table[Part]
    inits: Table[RankedInit]


def jobs(chain: Toolchain, frameworks: Sequence[str] = ALL) -> list[Job]:
    """Return every build of the comparison."""
    return [
        (find_program(WEBS[framework]), find_config(config), chain)
        for config in CONFIGS
        for framework in frameworks
    ]


def impossible(chain: Toolchain, frameworks: Sequence[str] = ALL) -> str | None:
    """Say why the frameworks cannot be compared here, None where they can."""
    return not_worth_building(jobs(chain, frameworks), MINUTES)


def files(chain: Toolchain, frameworks: Sequence[str] = ALL) -> dict[tuple[str, str], Path]:
    """Return the file of each framework and configuration, built where it is not in the cache.

    Raises:
        LabError: one of them was not built.
    """
    built = {}
    names = [(framework, config) for config in CONFIGS for framework in frameworks]
    for name, binary in zip(names, build_all(jobs(chain, frameworks)), strict=True):
        if binary.path is None:
            raise LabError(f"{binary.program} ({binary.config}) was not built: {binary.error}.")
        built[name] = binary.path
    return built


def webs(chain: Toolchain, frameworks: Sequence[str] = ALL) -> Table[Web]:
    """Return what each service is made of.

    Raises:
        LabError: one of them was not built, or `go list` failed.
    """
    own = files(chain, frameworks)
    rows: Table[Web] = Table()
    for framework in frameworks:
        graph = dependencies(find_program(WEBS[framework]), chain)
        foreign = [own for own in graph.values() if not own.standard and not own.main]
        default, trimmed = (own[framework, config] for config in CONFIGS)
        rows.append(
            Web(
                framework=framework,
                packages=len(graph),
                foreign=len(foreign),
                modules=len({own.module for own in foreign}),
                cgo=", ".join(cgo_packages(graph)),
                bytes=default.stat().st_size,
                link=link_facts(default).link,
                trimmed_bytes=trimmed.stat().st_size,
                trimmed_link=link_facts(trimmed).link,
                inits=len(run_inittrace(_server(framework, default))),
                trimmed_inits=len(run_inittrace(_server(framework, trimmed))),
            )
        )
    return rows


def web_starts(
    chain: Toolchain,
    frameworks: Sequence[str] = ALL,
    rounds: int = 40,
    init_rounds: int = 20,
    seed: int = 7,
) -> WebStarts:
    """Start every service in both configurations, in turn, up to its first answer.

    Args:
        chain: what builds them.
        frameworks: at least two; all are compared with the first.
        rounds: starts of each, and as many again for the time to main.
        init_rounds: starts with inittrace.
        seed: decides the order.

    Raises:
        LabError: one of them was not built or does not serve.
    """
    commands = {
        name: _server(" ".join(name), path) for name, path in files(chain, frameworks).items()
    }
    done = measure(list(commands.values()), rounds, seed, main=True)
    without_cgo = [replace(commands[own, "trim"], name=own) for own in frameworks]
    ranking = rank_inits(without_cgo, init_rounds, seed)
    against, trimming = Table[WebStart](), Table[WebStart]()
    for config in CONFIGS:
        against += _compared(done, [(own, config) for own in frameworks])
    for own in frameworks:
        trimming += _compared(done, [(own, config) for config in CONFIGS])
    parts = Table(_part(done, own, ranking.packages) for own in ranking.sums)
    return WebStarts(against, trimming, parts, ranking.slowest(4))


def answers(chain: Toolchain, frameworks: Sequence[str] = ALL) -> Table[Answered]:
    """Ask every service for what it knows and for what it does not.

    Raises:
        LabError: one of them was not built or does not serve.
    """
    own = files(chain, frameworks)
    return Table(
        Answered(name, *(f"{said.status} {said.type} {said.body}" for said in found))
        for name in frameworks
        for found in [ask(own[name, "trim"], "/", "/fruit/plum")]
    )


def resolved(rows: Sequence[Mapping[str, Any]], config: str) -> str:
    """Say which comparisons of a configuration are resolved, and how large they are.

    Args:
        rows: of `WebStarts.against` or `WebStarts.trimming`, as dictionaries.
        config: "default" or "trim".
    """
    own = [row for row in rows if row["config"] == config and row["verdict"] != "baseline"]
    clear = [row for row in own if row["verdict"] != "not resolved"]
    words = [f"{row['framework']} {percent(row['ratio'])}" for row in clear]
    return f"{len(clear)} of {len(own)} resolved: {', '.join(words) or 'none'}"


def ask(path: Path, *targets: str) -> list[Answer]:
    """Start a service, ask it for some targets, and return its answers.

    Raises:
        LabError: it does not say where it listens, or gives no answer.
    """
    command = _server(path.name, path)
    with subprocess.Popen(
        command.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(command.environment)
    ) as process:
        try:
            assert process.stdout
            address = ready_address(command, process.stdout.fileno(), timeout=10.0)
            return [_answer(command, address, target) for target in targets]
        finally:
            process.kill()


def _server(name: str, path: Path) -> Command:
    return Command(name, (str(path),), server=True)


def _answer(command: Command, address: tuple[str, int], target: str) -> Answer:
    connection = HTTPConnection(*address, timeout=10.0)
    try:
        connection.request("GET", target)
        said = connection.getresponse()
        kind = (said.getheader("Content-Type") or "").partition(";")[0]
        return Answer(target, said.status, kind, said.read().decode(errors="replace").strip())
    except (OSError, HTTPException) as error:
        raise LabError(f"{command.name} did not answer {target}: {error}.") from error
    finally:
        connection.close()


def _compared(done: Measurement, builds: Sequence[tuple[str, str]]) -> list[WebStart]:
    """Return each build against the first."""
    twins = {name: name + TWIN for name in done.commands}
    baseline, *others = (" ".join(name) for name in builds)
    found = {c.candidate: c for c in comparisons(done.launches, baseline, others, twins, done.seed)}
    medians = {own.command: own for own in done.estimates}
    rows = []
    for framework, config in builds:
        own, c = medians[f"{framework} {config}"], found.get(f"{framework} {config}")
        low, high = c.ci95 if c else (1.0, 1.0)
        rows.append(
            WebStart(
                framework=framework,
                config=config,
                start_ms=round(own.median_ms, 3),
                start_low_ms=round(own.ci95_ms[0], 3),
                start_high_ms=round(own.ci95_ms[1], 3),
                baseline=baseline,
                ratio=round(c.ratio, 4) if c else 1.0,
                low=round(low, 4),
                high=round(high, 4),
                floor=round(c.floor, 4) if c else 0.0,
                verdict=c.verdict if c else "baseline",
            )
        )
    return rows


def _part(done: Measurement, whole: InitSum, packages: Sequence[RankedInit]) -> Part:
    name = f"{whole.command} trim"
    # A start that was interrupted has one long init; a sum of medians does not see it.
    inits = sum(row.clock_ms for row in packages if row.command == whole.command)
    start = next(own.median_ms for own in done.estimates if own.command == name)
    marked = [own for own in done.to_main.launches if own.command == name]
    main = before = serving = None
    if marked:
        # Both of one start: what a busy machine does to starts does not come in between.
        main = round(statistics.median(main_ns(own) for own in marked) / 1e6, 3)
        serving = statistics.median(own.start_ns - main_ns(own) for own in marked) / 1e6
        serving = round(serving, 3)
        before = round(max(0.0, main - inits), 3)
    return Part(
        framework=whole.command,
        packages=whole.packages,
        start_ms=round(start, 3),
        main_ms=main,
        before_ms=before,
        inits_ms=round(inits, 3),
        serving_ms=serving,
        share=round(inits / start * 100, 1),
        slowest=whole.slowest,
        slowest_ms=whole.slowest_ms,
    )
