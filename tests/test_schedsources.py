import pytest

from labhelpers.experiments.schedsources import (
    P_STATES,
    files_that_name,
    p_states,
    schedtrace_of_starts,
)
from labhelpers.runtime.overlay import source
from labhelpers.toolchain import Toolchain, toolchain


@pytest.mark.parametrize("release", ["article", "current"])
def test_a_p_is_born_stopped_and_laid_idle(release: str) -> None:
    chain = toolchain(release)
    rows = {row.shows: row for row in p_states(chain)}
    assert rows.keys() == P_STATES.keys()
    assert rows["first state"].text == "pp.status = _Pgcstop"
    assert rows["state of an idle P"].text == "pp.status = _Pidle"
    text = source(chain, "runtime/proc.go").splitlines()
    for row in rows.values():
        file, _, number = row.place.partition(":")
        assert file == "runtime/proc.go"
        assert text[int(number) - 1].strip() == row.text


def test_words_are_looked_for_in_all_files(current_go: Toolchain) -> None:
    assert files_that_name(current_go, "startup_ns") == 0
    assert files_that_name(current_go, "procresize") > 2


def test_schedtrace_gives_no_duration(current_go: Toolchain) -> None:
    chains = [toolchain("article"), current_go]
    for row, chain in zip(schedtrace_of_starts(chains, rounds=10), chains, strict=True):
        assert (row.go, row.starts) == (chain.release, 10)
        assert row.nothing + row.torn <= 10
        assert row.most <= 1
        assert row.latest_ms == 0
        if row.most:
            assert row.first.startswith("SCHED 0ms: gomaxprocs=32 ")
