"""`golab advise`: build a program in every way that can work, start all builds, and answer."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from labhelpers import machine
from labhelpers.advice.answer import Advice, StepAnswer
from labhelpers.advice.choose import Ratios, choose, ratios
from labhelpers.advice.costs import costs
from labhelpers.advice.words import (
    failure,
    plain_command,
    recommendation,
    step_sentence,
    word,
)
from labhelpers.build import Binary, build_all
from labhelpers.cgo.report import CgoReport, cgo_report, with_builds
from labhelpers.configs import find_config
from labhelpers.errors import LabError, Stopped
from labhelpers.gomessages import explain
from labhelpers.paths import cache_dir
from labhelpers.programs import Program
from labhelpers.startup import pagecache
from labhelpers.startup.analysis import by_command
from labhelpers.startup.caution import Caution, busy, cautions
from labhelpers.startup.estimate import estimate
from labhelpers.startup.measure import draw_seed, require_rounds
from labhelpers.startup.rounds import Block, CacheState, run_blocks
from labhelpers.startup.spawn import Command, LaunchFailed
from labhelpers.startup.starts import Starts
from labhelpers.startup.until import Exit, Until
from labhelpers.study import BASELINE, LEAST_FOR_READINGS, TWIN, Progress, possible_caches, staged
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

WITHOUT_CGO = (
    *("default", "strip", "external", "trim", "static", "pie"),
    *("strip+external", "strip+external+trim"),
)
"""What is tried for a program in which no package uses cgo: there, trimming is without effect."""
WITH_CGO = (
    *(*WITHOUT_CGO, "strip+trim"),
    *("trim-tags", "strip+trim-tags", "strip+external+trim-tags"),
)
"""With cgo inside, trimming it by tags is another thing than switching it off."""
MOST_ROUNDS = 60


@dataclass(frozen=True)
class Question:
    """What to ask of which program.

    `package` is what its user calls it: PACKAGE@VERSION, or a folder or a bundled program's name.
    `until` says when a start counts as done, `folder` what each start finds in the folder in which
    it stands (None: nothing), `variables` what its environment has beside the user's own. Without
    `rounds` there are as many as fit into `seconds`, from 12 to 60.
    """

    program: Program
    chain: Toolchain
    package: str = ""
    until: Until = field(default_factory=Exit)
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    timeout: float = 10.0
    caches: tuple[CacheState, ...] = ("warm", "cold")
    rounds: int | None = None
    seed: int | None = None
    seconds: float = 90.0


def advise(
    question: Question,
    progress: Progress = lambda stage, more, whole: None,
    stop: threading.Event | None = None,
    built: Callable[[Binary], None] = lambda binary: None,
) -> Advice:
    """Build, start and compare; return which step helps this program, and which build to take.

    Everything is built from copies in golab's cache or from the program's own folder, into golab's
    cache; every start has a fresh folder, home and TMPDIR of its own.

    Args:
        question: what to ask.
        progress: told of builds ("build") and starts ("start"), from this thread.
        stop: ends the work within a second, as soon as it is set; finished builds are kept.
        built: told of every build, from this thread.

    Raises:
        LabError: the program does not build as it is, or does not start as it is told to.
        Stopped: `stop` was set.
    """
    if question.rounds is not None:
        require_rounds(question.rounds, LEAST_FOR_READINGS)
    seed = draw_seed(question.seed)
    state = machine.describe()
    cgo = cgo_report(question.program, question.chain, try_builds=False, stop=stop)
    configs = WITH_CGO if cgo.causes else WITHOUT_CGO
    binaries = _built(question, configs, progress, stop, built)
    cgo = with_builds(cgo, binaries)
    starts = Starts(
        question.until,
        question.folder,
        question.variables,
        check=lambda: _refuse_stopped(stop),
    )
    try:
        servers = {question.program.name} if question.program.server else set()
        with staged(binaries, servers) as files:
            (staged_commands,) = files.values()
            commands = [_with_arguments(own, question) for own in staged_commands]
            broken = _attempts(commands, starts, question)
            running = tuple(own for own in commands if own.name not in broken)
            caches, warnings = possible_caches(question.caches, running[0].file)
            rounds = question.rounds or _affordable(running, caches, starts, question)
            run = run_blocks(
                [Block(running, cache, cache) for cache in caches],
                rounds,
                seed,
                question.timeout,
                lambda more, whole: progress("start", more, whole),
                starts,
            )
    finally:
        left = starts.end()
    _refuse_stopped(stop)
    if run.rounds < LEAST_FOR_READINGS:
        raise run.failure or KeyboardInterrupt
    launches = dict(zip(caches, run.launches, strict=True))
    warnings += busy(state.load_average, state.usable_cores)
    warnings += cautions({f"{question.program.name}, {c}": own for c, own in launches.items()})
    warnings += [_left_behind(name) for name in left]
    measured = [own.name for own in running if own.name not in (BASELINE, TWIN)]
    found = {name: ratios(launches, BASELINE, name, seed) for name in measured}
    answers = {
        binary.config: _answer(binary, binaries[0], found.get(binary.config, {}), broken, cgo)
        for binary in binaries[1:]
    }
    chosen, on_odd_rounds = choose(launches, measured, seed)
    command = plain_command(find_config(chosen), question.program, question.package)
    return Advice(
        program=question.program.name,
        package=question.package or question.program.name,
        go=question.chain.release,
        until="to its first answer" if question.program.server else str(question.until),
        binaries=binaries,
        estimates={
            cache: estimate(BASELINE, by_command(own)[BASELINE], seed)
            for cache, own in launches.items()
        },
        steps=Table(answers.values()),
        recommended=recommendation(chosen, command, on_odd_rounds, answers, tuple(caches)),
        cgo=cgo,
        launches=launches,
        seed=seed,
        rounds=run.rounds,
        machine={
            **state.as_dict(),
            "read_ahead_kb": machine.read_ahead_kb(cache_dir()),
            "c_compiler": question.chain.cc.version if question.chain.cc else None,
        },
        cautions=warnings,
        interrupted=run.interrupted,
    )


def _built(
    question: Question,
    configs: Sequence[str],
    progress: Progress,
    stop: threading.Event | None,
    built: Callable[[Binary], None],
) -> list[Binary]:
    """Build every configuration, the default first: without that one there is no question."""

    def tell(binary: Binary) -> None:
        progress("build", 1, len(configs))
        built(binary)

    def build_some(names: Sequence[str]) -> list[Binary]:
        jobs = [(question.program, find_config(name), question.chain) for name in names]
        return build_all(jobs, tell, stop)

    progress("build", 0, len(configs))
    default = build_some(configs[:1])
    if default[0].error:
        raise LabError(explain(default[0].log, question.program.name))
    return default + build_some(configs[1:])


def _with_arguments(command: Command, question: Question) -> Command:
    return replace(command, argv=(*command.argv, *question.arguments))


def _attempts(commands: Sequence[Command], starts: Starts, question: Question) -> dict[str, str]:
    """Start every build once; return those that do not start, with the reason.

    Raises:
        LaunchFailed: the default build does not, or nothing else does.
    """
    broken = {}
    for command in commands:
        try:
            starts.attempt(replace(command, name=question.program.name), question.timeout)
        except LaunchFailed as error:
            if command.name in (BASELINE, TWIN):
                raise
            broken[command.name] = str(error)
    if {own.name for own in commands} - broken.keys() <= {BASELINE, TWIN}:
        raise LabError(
            f"Of {question.program.name} only the default build can be built and started, so "
            f"there is nothing to compare it with: {next(iter(broken.values()), '')}"
        )
    return broken


def _affordable(
    commands: Sequence[Command],
    caches: Sequence[CacheState],
    starts: Starts,
    question: Question,
) -> int:
    """Return how many rounds fit into the question's seconds, judged by the default build."""
    command = commands[0]
    begin = time.monotonic()
    for cache in caches:
        if cache == "cold" and command.original:
            pagecache.write_anew(command.original, command.file)
            pagecache.make_cold(command.file)
        starts(command, question.timeout, command.environment)
    one_round = (time.monotonic() - begin) * len(commands)
    return min(MOST_ROUNDS, max(LEAST_FOR_READINGS, int(question.seconds / one_round)))


def _answer(
    binary: Binary,
    default: Binary,
    found: Ratios,
    broken: Mapping[str, str],
    cgo: CgoReport,
) -> StepAnswer:
    config = find_config(binary.config)
    if binary.error:
        return StepAnswer(binary.config, "does not build", None, None, None, None, failure(binary))
    size_ratio = (binary.bytes or 0) / (default.bytes or 1)
    own_costs = costs(config, binary, default, cgo)
    if binary.config in broken:
        return StepAnswer(
            *(binary.config, "does not start", binary.bytes, size_ratio, None, None),
            f"Builds, but does not start as the default does: {broken[binary.config]}",
            own_costs,
        )
    return StepAnswer(
        step=binary.config,
        answer=word(found),
        bytes=binary.bytes,
        size_ratio=size_ratio,
        warm=found.get("warm"),
        cold=found.get("cold"),
        sentence=step_sentence(found, binary.bytes, default.bytes),
        costs=own_costs,
    )


def _left_behind(name: str) -> Caution:
    text = f"A start left {name} running in the background; it was ended after the run."
    return Caution("left behind", name, text)


def _refuse_stopped(stop: threading.Event | None) -> None:
    if stop and stop.is_set():
        raise Stopped
