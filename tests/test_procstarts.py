import pytest

from labhelpers.experiments.procstarts import phases, starts
from labhelpers.toolchain import Toolchain


@pytest.mark.parametrize("program", ["hello", "httpd"])
def test_more_ps_touch_more_pages(program: str, current_go: Toolchain) -> None:
    one, many = starts([current_go], [program], (1, 96), rounds=6)
    assert (one.program, one.procs, one.verdict, one.ratio, one.more_us) == (
        program,
        1,
        "baseline",
        1.0,
        0.0,
    )
    assert many.faults > one.faults + 96
    assert many.low <= many.ratio <= many.high
    assert many.more_low_us <= many.more_us <= many.more_high_us


def test_steering_variables_do_not_leak(
    current_go: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GODEBUG", "inittrace=1")
    monkeypatch.setenv("GOMAXPROCS", "64")
    one, two = starts([current_go], ["hello"], (1, 2), rounds=6)
    assert abs(one.faults - two.faults) < 64


def test_phases_tell_where_the_ps_are_made(current_go: Toolchain) -> None:
    rows = phases(current_go, "hello", (1, 96), rounds=8)
    assert {row.procs for row in rows} == {1, 96}
    if {row.method for row in rows} != {"breakpoints"}:
        pytest.skip("no breakpoints here")
    faults = {(row.procs, row.phase): row.faults for row in rows}
    name = "Go entry to runtime.main"
    few, many = faults[1, name], faults[96, name]
    assert few is not None
    assert many is not None
    assert many > few + 96
