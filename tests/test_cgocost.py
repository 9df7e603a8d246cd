"""What a call of C costs: real benchmarks in real processes, and the code of both files."""

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import cgocost
from labhelpers.experiments.cgocost import MODES, TWIN, SameCode, least_of
from labhelpers.experiments.linkmodes import impossible
from labhelpers.show.external_figures import call_costs
from labhelpers.toolchain import Toolchain, toolchain


@pytest.fixture(scope="module")
def chain(current_go: Toolchain) -> Toolchain:
    if impossible(current_go):
        pytest.skip("no C compiler")
    return current_go


@pytest.fixture(scope="module")
def found(chain: Toolchain) -> cgocost.Nanoseconds:
    return cgocost.run_benchmarks(chain, processes=6, benchtime="300us", seed=1)


def test_every_benchmark_runs_in_every_process(found: cgocost.Nanoseconds) -> None:
    assert set(found) == set(cgocost.NAMES)
    for modes in found.values():
        assert {mode: len(values) for mode, values in modes.items()} == dict.fromkeys(
            [*MODES, TWIN], 6
        )
        assert all(value > 0 for values in modes.values() for value in values)


def test_calls_are_in_the_order_that_their_work_gives(found: cgocost.Nanoseconds) -> None:
    least = {name: min(modes["internal"]) for name, modes in found.items()}
    assert least["GoCall"] < least["CCall"] < least["CThousand"]
    assert least["CCall"] < least["CCallsGo"]
    assert least["EnterExit"] < least["CCall"]


def test_tables_and_figure(chain: Toolchain, found: cgocost.Nanoseconds) -> None:
    costs, ratios = cgocost.call_costs(chain, found), cgocost.call_ratios(chain, found)
    assert [row.call for row in ratios] == [cgocost.NAMES[name] for name in cgocost.CALLS]
    assert len(costs) == 2 * len(ratios)
    assert all(row.low_ns <= row.median_ns <= row.high_ns for row in costs)
    assert all(row.low <= row.ratio <= row.high and row.floor >= 0 for row in ratios)
    assert {row.verdict for row in ratios} <= {"dearer", "cheaper", "not resolved"}
    figure = call_costs(costs.to_dicts(), ratios.to_dicts(), article=2.1)
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [r.call for r in ratios]
    legend = right.get_legend()
    assert legend
    assert "the article" in [text.get_text() for text in legend.get_texts()]


def test_parts_sum_to_the_call(chain: Toolchain) -> None:
    made = {"CCall": [40.0] * 6, "EnterExit": [25.0] * 6, "CThousand": [40.0 + 999 * 2] * 6}
    rows = cgocost.parts(chain, {name: dict.fromkeys(MODES, v) for name, v in made.items()})
    own = {row.part: row.median_ns for row in rows if row.mode == "external"}
    assert own == {
        "telling the scheduler": 25.0,
        "the C function": 2.0,
        "stack switch and arguments": 13.0,
    }


def test_a_factor_that_is_there_is_found(chain: Toolchain) -> None:
    base = [40.0, 41.0, 42.0, 43.0, 44.0, 45.0, 46.0, 47.0]
    modes = {"internal": base, TWIN: base[::-1], "external": [2.1 * value for value in base]}
    row = cgocost.call_ratios(chain, dict.fromkeys(cgocost.NAMES, modes))[0]
    assert (row.ratio, row.verdict) == (2.1, "dearer")
    modes["external"] = base
    assert cgocost.call_ratios(chain, dict.fromkeys(cgocost.NAMES, modes))[0].verdict == (
        "not resolved"
    )


def test_output_that_is_not_whole_is_refused() -> None:
    lines = [f"Benchmark{name}-2 10 {n}.5 ns/op" for n, name in enumerate(cgocost.NAMES, 1)]
    again = [f"Benchmark{name}-2 10 {n}.25 ns/op" for n, name in enumerate(cgocost.NAMES, 1)]
    assert least_of("\n".join([*lines, *again]))["GoCall"] == 1.25
    with pytest.raises(LabError, match="no result for CThousand"):
        least_of("\n".join(lines[:-1]))
    with pytest.raises(LabError, match=r"Line 1 .* missing measurements"):
        least_of("BenchmarkGoCall-2 10\n")


@pytest.mark.parametrize("release", ["article", "current"])
def test_both_files_hold_the_same_instructions(chain: Toolchain, release: str) -> None:
    rows = {row.function: row for row in cgocost.same_code(toolchain(release))}
    assert {"runtime.cgocall", "runtime.asmcgocall", "Cfunc_add", "add"} <= set(rows)
    assert all(row.same for row in rows.values())
    assert rows["runtime.cgocall"].differ > 0  # the addresses


def test_other_instructions_are_told_apart() -> None:
    assert SameCode("1", "f", 10, 10, 8, 4).same
    assert not SameCode("1", "f", 10, 10, 5, 5).same
    assert not SameCode("1", "f", 10, 11, 0, 0).same
