"""The answers in plain words, and the command to type."""

import re
import shlex
from collections.abc import Mapping, Sequence

from labhelpers.advice.answer import Recommendation, StepAnswer, Word
from labhelpers.build import Binary, BuildConfig
from labhelpers.gomessages import explain
from labhelpers.programs import Program
from labhelpers.startup.estimate import Comparison, percent
from labhelpers.startup.rounds import CacheState
from labhelpers.study import BASELINE

SMALLER = 0.02
"""The share of a file's size below which a change of it is not worth a word."""


def word(found: Mapping[CacheState, Comparison]) -> Word:
    """Return the one word for the starts of a build in all cache states."""
    verdicts = {comparison.verdict for comparison in found.values()}
    if verdicts >= {"faster", "slower"}:
        return "mixed"
    if "faster" in verdicts:
        return "helps"
    return "harms" if "slower" in verdicts else "not resolved"


def change(found: Comparison) -> str:
    """Return a ratio with its interval: “−12.3 % [−15.0, −9.8]”."""
    low, high = (percent(end).removesuffix(" %") for end in found.ci95)
    return f"{percent(found.ratio)} [{low}, {high}]"


def start_words(cache: CacheState, found: Comparison) -> str:
    """Return what one comparison says of the starts in one cache state."""
    if found.verdict == "not resolved":
        # The interval alone would have said more than starts of one and the same file allow.
        inside = found.ci95[0] <= 1 <= found.ci95[1]
        floor = "" if inside else f", A/A floor ±{found.floor * 100:.1f} %"
        return f"{cache} starts not resolved ({change(found)}{floor})"
    share = f"{abs(1 - found.ratio) * 100:.1f} % {'less' if found.ratio < 1 else 'more'} time"
    low, high = (percent(end).removesuffix(" %") for end in found.ci95)
    return f"{cache} starts take {share} [{low}, {high}]"


def step_sentence(
    found: Mapping[CacheState, Comparison], bytes_: int | None, default_bytes: int | None
) -> str:
    """Return what one way of building does, in one sentence."""
    parts = [start_words(cache, own) for cache, own in found.items()]
    if bytes_ and default_bytes:
        parts.append(size_words(bytes_ / default_bytes))
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def size_words(ratio: float) -> str:
    """Return what a change of the file's size is worth saying."""
    if abs(ratio - 1) < SMALLER:
        return f"the file keeps its size ({percent(ratio)})"
    return f"the file is {abs(1 - ratio) * 100:.0f} % {'smaller' if ratio < 1 else 'larger'}"


def failure(binary: Binary) -> str:
    """Return why a configuration does not build, in one sentence."""
    if "-linkmode=external requires external (cgo) linking" in binary.log:
        return (
            "Does not build: external linking needs cgo, and CGO_ENABLED=0 has switched it off; "
            "the two steps exclude each other."
        )
    text = explain(binary.log, binary.program)
    return text if "does not build" in text else f"Does not build: {text}"


def plain_command(config: BuildConfig, program: Program, package: str) -> str:
    """Return what to type: in the program's folder, or anywhere for PACKAGE@VERSION.

    `go install PACKAGE@VERSION` refuses a module whose go.mod replaces modules
    (https://go.dev/ref/mod#go-install): that one is built in a clone of its repository.
    """
    ldflags = " ".join(
        filter(None, [config.linkmode and f"-linkmode={config.linkmode}", config.ldflags])
    )
    switches = [
        *(["-trimpath"] if config.trimpath else []),
        *([f"-buildmode={config.buildmode}"] if config.buildmode else []),
        *([f"-tags={','.join(config.tags)}"] if config.tags else []),
        *([f"-ldflags={ldflags}"] if ldflags else []),
    ]
    variable = "" if config.cgo is None else f"CGO_ENABLED={int(config.cgo)} "
    if "@" not in package:
        return variable + shlex.join(["go", "build", *switches, "-o", program.name, "."])
    if not _replaces(program):
        return variable + shlex.join(["go", "install", *switches, package])
    folder = f"./{program.folder.relative_to(program.root)}".replace("/.", "")
    return variable + shlex.join(["go", "build", *switches, "-o", program.name, folder])


def _replaces(program: Program) -> bool:
    go_mod = program.root / "go.mod"
    return bool(re.search(r"^\s*(replace\b|\S+.*=>)", go_mod.read_text(errors="replace"), re.M))


def recommendation(
    config: str,
    command: str,
    ratios: Mapping[CacheState, Comparison],
    steps: Mapping[str, StepAnswer],
    caches: tuple[CacheState, ...],
) -> Recommendation:
    """Return the recommendation with its sentence.

    Args:
        config: what was chosen.
        command: that builds it.
        ratios: of it, on the rounds that did not choose it; empty for the default.
        steps: every answer by its configuration.
        caches: the states that were measured.
    """
    if config != BASELINE:
        parts = [start_words(cache, own) for cache, own in ratios.items()]
        size = steps[config].size_ratio
        if size:
            parts.append(size_words(size))
        sentence = f"Build it as {config}: {'; '.join(parts)}."
        return Recommendation(config, command, ratios, sentence, steps[config].costs)
    helping = [step.step for step in steps.values() if step.answer == "helps"]
    if helping:
        sentence = (
            f"Keep the default build for now: over all rounds {_listed(helping)} "
            f"{'looks' if len(helping) == 1 else 'look'} faster, but no one build is resolved to "
            "be so on each half of them, the one that chooses and the one that judges; ask again "
            "with more --rounds."
        )
    else:
        sentence = (
            "Keep the default build: nothing that was tried is resolved to start faster "
            f"({' or '.join(caches)}) without starting slower elsewhere."
        )
    smallest = min(
        (s for s in steps.values() if s.size_ratio and s.answer in ("not resolved", "helps")),
        key=lambda step: step.size_ratio or 1.0,
        default=None,
    )
    if smallest and smallest.size_ratio and smallest.size_ratio < 1 - SMALLER:
        smaller = size_words(smallest.size_ratio)
        sentence += f" For its size alone, {smallest.step}: {smaller}."
    return Recommendation(config, command, {}, sentence)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
