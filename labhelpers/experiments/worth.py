"""Which builds a lab makes by itself: those that are in the cache, or that were asked for.

To fetch third-party modules and to compile SQLite's C takes minutes, and a lab should not. So what
is in the cache is measured here and now, and of the rest the record is shown, unless the switch is
set.
"""

import os
from collections.abc import Sequence

from labhelpers.build import BuildConfig, key, load
from labhelpers.modules import modules_missing, run_go
from labhelpers.paths import cache_dir
from labhelpers.programs import Program
from labhelpers.toolchain import Toolchain

SWITCH = "GOLAB_BUILD"
"""Set in the environment, it lets labs fetch and build what takes long."""

Job = tuple[Program, BuildConfig, Toolchain]


def is_built(program: Program, config: BuildConfig, chain: Toolchain) -> bool:
    """Say whether this very build is in the cache."""
    place = cache_dir("builds") / key(program, program.content, config, chain)
    return load(place, program, config, chain) is not None


def not_worth_building(jobs: Sequence[Job], minutes: str = "some minutes") -> str | None:
    """Say why these builds are not to be made here, None where they are: cached, or asked for.

    Args:
        jobs: all that the lab would build, and that builds.
        minutes: how long that would take, in words.
    """
    new = [job for job in jobs if not is_built(*job)]
    if not new:
        return None
    if os.environ.get(SWITCH):
        ways = {(program.folder, chain.goroot): (program, chain) for program, _, chain in new}
        return next(filter(None, (modules_missing(*way) for way in ways.values())), None)
    names = ", ".join(dict.fromkeys(program.name for program, _, _ in new))
    return (
        f"Not built here yet: {names}; {SWITCH}=1 fetches and builds them, which takes {minutes}."
    )


def not_worth_fetching(program: Program, chain: Toolchain, size: str) -> str | None:
    """Say why a program's modules are not to be fetched, None where they are here or asked for.

    Args:
        program: whose modules they are.
        chain: the release to list them with.
        size: how much that would be, in words.
    """
    words = ["list", "-deps", "-f", "{{.ImportPath}}", "."]
    status, _, _ = run_go(chain, words, program.folder, {"GOPROXY": "off"})
    if not status:
        return None
    if os.environ.get(SWITCH):
        return modules_missing(program, chain)
    return f"The modules of {program.name} are not here; {SWITCH}=1 fetches them, {size}."


def not_asked_for(minutes: str = "some minutes") -> str | None:
    """Say that a measurement takes long, None where the switch asks for such.

    Args:
        minutes: how long, in words.
    """
    if os.environ.get(SWITCH):
        return None
    return f"Not measured here, as it takes {minutes}; {SWITCH}=1 asks for it."
