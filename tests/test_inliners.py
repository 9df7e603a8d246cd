"""What compilers do with calls: the paths from main, where they inline, and in what order."""

from itertools import pairwise

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.inliners import (
    c_where,
    callers,
    go_order,
    go_where,
    of_both,
    order_rows,
)
from labhelpers.experiments.pgo import hot_call
from labhelpers.experiments.ssadump import (
    BEFORE,
    bundled,
    changes,
    compile_go,
    dump,
    machine_code,
    read_dump,
    refused,
)
from labhelpers.experiments.startpath import c_paths, go_paths
from labhelpers.experiments.traces import stepping_impossible
from labhelpers.show.inlining_figures import passes, path_bars, start_bars, ticks
from labhelpers.toolchain import Toolchain, toolchain

steps = pytest.mark.skipif(bool(stepping_impossible()), reason="no program can be stepped here")


@pytest.fixture(params=["article", "current"])
def go(request: pytest.FixtureRequest) -> Toolchain:
    return toolchain(request.param)


@steps
def test_the_path_in_go_gets_shorter(go: Toolchain) -> None:
    rows = {(row.program, row.way): row for row in go_paths([go])}
    for program in ("fixed", "environment"):
        short, long, plain = (rows[program, way] for way in ("default", "-l", "-N -l"))
        assert short.own < long.own < plain.own
        assert (short.functions, long.functions) == (1, 4)
        assert long.returns == 3
    assert rows["fixed", "default"].library == 0
    # The environment is asked, whatever is inlined.
    assert rows["environment", "default"].library > 0
    path_bars([vars(row) for row in rows.values()])


@steps
def test_the_path_in_c(current_go: Toolchain) -> None:
    with CFolder("startpath-c", current_go) as folder:
        if folder.impossible:
            pytest.skip(folder.impossible)
    rows = {(row.program, row.way): row for row in c_paths(current_go, ("-O0", "-O2"))}
    plain, best = rows["fixed", "-O0"], rows["fixed", "-O2"]
    assert (plain.functions, plain.calls, plain.returns, plain.indirect) == (3, 2, 3, 0)
    assert (best.own, best.calls, best.returns, best.saves) == (2, 0, 1, 0)
    assert rows["nothing", "-O2"].own == 1
    assert rows["environment", "-O2"].library > rows["environment", "-O2"].own


def test_callers_in_assembly() -> None:
    text = "early:\n\tcall\twork\n\tret\nother:\n\tcall\tworks\nmain:\n.L2:\n\tcallq\twork@PLT\n"
    assert callers(text, "work") == ["early", "main"]


def test_where_go_inlines(go: Toolchain) -> None:
    rows = go_where(go)
    assert len(rows) == 4
    for row in rows:
        assert row.elsewhere == row.main == row.early == (row.size <= 80)
    assert {row.main for row in rows} == {True, False}
    ticks([vars(row) for row in rows], "size", ["elsewhere", "main"], "compiler")


def test_where_c_inlines(current_go: Toolchain) -> None:
    with CFolder("startpath-c", current_go) as folder:
        if folder.impossible:
            pytest.skip(folder.impossible)
    rows = c_where(current_go, most=4)
    assert rows[0].elsewhere
    assert rows[0].main
    if current_go.cc and current_go.cc.kind == "gcc":
        assert any(row.elsewhere and not row.main for row in rows)


def test_orders(go: Toolchain) -> None:
    order = go_order(go)
    assert not order.ssa_first
    assert order.steps[0] == "inline"
    shown = of_both("04-order", go, order_rows, None if go.cc else "There is no C compiler.")
    assert [row["SSA form first"] for row in shown.rows] == [True, True]
    assert shown.live == bool(go.cc and go.cc.kind in ("gcc", "clang", "zig"))


def test_a_function_over_the_passes(go: Toolchain) -> None:
    text = dump(go)
    stages = read_dump(text)
    assert stages[0].name == BEFORE
    assert [stage.number for stage in stages] == list(range(len(stages)))
    named = {stage.name: stage for stage in stages}
    assert len(stages) == len(named) > 40
    assert (stages[0].calls, stages[0].phis, stages[0].branches) == (1, 1, 1)
    assert (stages[-1].phis, stages[-1].branches, stages[-1].dead, stages[-1].blocks) == (
        *(0, 0),
        *(0, 1),
    )
    assert named["opt deadcode"].dead == 0 < named["opt"].dead
    assert [name for name in machine_code(text) if "$8080" in name] == ["MOVL $8080, AX"]
    rows = changes(stages)
    assert rows[0].name == BEFORE
    assert all(
        (a.values, a.dead, a.blocks, a.phis) != (b.values, b.dead, b.blocks, b.phis)
        for a, b in pairwise(rows)
    )
    passes({go.release: stages})


def test_a_function_that_is_not_inlined(go: Toolchain) -> None:
    stages = read_dump(dump(go, "Start", "-l"))
    assert stages[0].calls == 2
    assert len(read_dump(dump(go, "Start", "-N", "-l"))) < len(stages)


def test_what_the_compiler_refuses(go: Toolchain) -> None:
    assert refused(go, "-ssa=0") == "flag provided but not defined: -ssa"
    assert "Cannot disable required SSA phase opt" in refused(go, "-d=ssa/opt/off")
    assert refused(go, "-l") == ""
    with pytest.raises(LabError, match=r"no function Nosuch in fixed\.go"):
        dump(go, "Nosuch")


def test_a_profile_raises_the_limit(go: Toolchain) -> None:
    without, with_ = hot_call(go)
    assert without.cost > 80
    assert (without.inlined, with_.inlined) == (False, True)


def test_go_build_takes_the_profile_by_itself(current_go: Toolchain) -> None:
    """The exercise's recipe: a file default.pgo beside main.go reaches the compiler."""
    import shutil
    import subprocess
    import tempfile
    from pathlib import Path

    from labhelpers.experiments.pgo import write_profile

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(bundled("pgo"), f"{folder}/pgo"))
        write_profile(current_go, copy / "default.pgo")
        done = subprocess.run(
            [current_go.go, "build", "-n", "./..."],
            cwd=copy,
            env=current_go.environment(cgo=False),
            capture_output=True,
            text=True,
            check=True,
        )
    assert "default.pgo" in done.stderr


def test_compile_go_reports_errors(go: Toolchain) -> None:
    assert compile_go(go, bundled("hello/main.go")).returncode


def test_bars_of_starts() -> None:
    row = {"program": "p", "go": "1.27", "way": "default", "instructions": 1000}
    row |= {"boot": 600, "runtime_inits": 100, "between": 200, "inits": 100}
    figure = start_bars([row, {**row, "way": "-l"}])
    assert len(figure.axes) == 1
    assert len(figure.axes[0].patches) == 8
