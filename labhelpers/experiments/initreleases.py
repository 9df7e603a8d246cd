"""The steps of one program's start in many Go releases: those that are here, and the recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labhelpers.experiments.initchain import Change, Link, chain, changes
from labhelpers.programs import Program
from labhelpers.recorded import Shown, live_or_recorded
from labhelpers.runtime.init import measure_init
from labhelpers.table import Table
from labhelpers.toolchain import ARTICLE, Toolchain, current, toolchain
from labhelpers.wheels import fetched

RELEASES = ("1.21.13", ARTICLE, "1.23.9", "1.24.11", "1.25.5", "1.26.6", "1.27.3")
"""The newest patch of each minor release that exists as a wheel; the last is golab's own."""

ROUNDS = 25
WHOLE = "whole"


@dataclass(frozen=True)
class ReleaseStep:
    """One step of one release: median in µs and its 95 % interval; None: this start skips it.

    The step "whole" of the function "whole" is the sum of all, the packages' init tasks included.
    """

    go: str
    function: str
    step: str
    us: float | None
    low: float | None
    high: float | None


def here() -> list[Toolchain]:
    """Return the toolchains of `RELEASES` that are on this machine; none is fetched."""
    own = current()
    return [toolchain(release) for release in RELEASES if release == own or fetched(release)]


def release_steps(
    program: Program, toolchains: Sequence[Toolchain], rounds: int = ROUNDS
) -> Table[ReleaseStep]:
    """Return every step of the runtime before main, timed with each toolchain.

    Steps that stand in the source and were not passed (those of cgo) are there without a time.
    """
    rows: Table[ReleaseStep] = Table()
    for own in toolchains:
        init = measure_init(program, own, rounds=rounds)
        passed = {(step.function, step.step): step for step in init.steps}
        whole = init.whole_ns
        rows.append(_row(own.release, (WHOLE, WHOLE), whole.median_ns, whole.ci95_ns))
        for link in chain(own):
            key = (link.function, link.step)
            step = passed.get(key)
            if step is None:
                rows.append(ReleaseStep(own.release, *key, None, None, None))
            else:
                rows.append(_row(own.release, key, step.median_ns, step.ci95_ns))
    return rows


def _row(
    go: str, key: tuple[str, str], median: float, interval: tuple[float, float]
) -> ReleaseStep:
    us, low, high = (round(value / 1000, 2) for value in (median, *interval))
    return ReleaseStep(go, *key, us, low, high)


def all_releases(program: Program, name: str = "05-releases") -> Shown:
    """Return the steps of all `RELEASES`: timed here where the release is here, else recorded.

    Each row has `live` beside the fields of ReleaseStep.
    """
    own = here()
    missing = [go for go in RELEASES if go not in {chain.release for chain in own}]
    why = f"Not on this machine: Go {', '.join(missing)}." if missing else None

    def measured() -> list[dict[str, Any]]:
        return release_steps(program, own).to_dicts()

    shown = live_or_recorded(name, measured, why)
    if shown.live:
        return Shown([{**row, "live": True} for row in shown.rows], True, shown.note)
    rows = {go: [{**r, "live": False} for r in shown.rows if r["go"] == go] for go in RELEASES}
    for row in measured():
        if rows[row["go"]] and not rows[row["go"]][0]["live"]:
            rows[row["go"]] = []
        rows[row["go"]].append({**row, "live": True})
    flat = [row for go in RELEASES for row in rows[go]]
    live = ", ".join(chain.release for chain in own)
    return Shown(flat, False, f"{shown.note} Timed on this machine: Go {live}.")


def changed_steps(rows: Sequence[Mapping[str, Any]]) -> Table[Change]:
    """Return what each release added, removed and moved, by the rows of `all_releases`."""
    gos = list(dict.fromkeys(row["go"] for row in rows))
    steps = [[row for row in rows if row["go"] == go and row["step"] != WHOLE] for go in gos]
    return changes(
        [
            [Link(r["go"], number, r["function"], r["step"], "") for number, r in enumerate(own, 1)]
            for own in steps
        ]
    )


def added_us(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return for each release but the first the time of the steps that are new in it, in µs."""
    times = {(row["go"], row["function"], row["step"]): row["us"] or 0.0 for row in rows}
    gos = list(dict.fromkeys(row["go"] for row in rows))
    sums = dict.fromkeys(gos[1:], 0.0)
    for change in changed_steps(rows):
        if change.change == "added":
            sums[change.go] += times[change.go, change.function, change.step]
    return sums
