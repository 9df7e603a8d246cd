from pathlib import Path

import pytest

from labhelpers.build import Binary, build_all
from labhelpers.errors import LabError
from labhelpers.experiments import emptyroot
from labhelpers.experiments.pie import BUILDS, growth, in_empty_roots, pie_facts, start_rows
from labhelpers.experiments.placement import Placement, aslr, placements, places
from labhelpers.programs import find_program
from labhelpers.show.reproducible_figures import growth_chart, placement_chart, start_chart
from labhelpers.startup import Command, measure
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain, toolchain


def builds(program: str, go: Toolchain) -> dict[str, Path]:
    configs = BUILDS if go.cc else BUILDS[:2]
    made = build_all([(find_program(program), config, go) for config in configs])
    return {binary.config: path_of(binary) for binary in made}


def path_of(binary: Binary) -> Path:
    assert binary.path, binary.log
    return binary.path


@pytest.mark.parametrize("release", ["article", "current"])
def test_a_pie_asks_for_a_loader_and_no_library(release: str) -> None:
    files = builds("hello", toolchain(release))
    facts = {name: pie_facts(release, name, path) for name, path in files.items()}
    assert (facts["default"].type, facts["default"].loader) == ("ET_EXEC", "")
    assert facts["default"].relocations == facts["default"].pages == 0
    assert facts["pie"].type == "ET_DYN"
    assert "/ld-" in facts["pie"].loader
    assert all(fact.libraries == 0 for fact in facts.values())
    assert facts["pie"].relocations > 1000
    if "static-pie" in facts:
        assert (facts["static-pie"].type, facts["static-pie"].loader) == ("ET_DYN", "")
        assert facts["static-pie"].relocations > facts["pie"].relocations


@pytest.mark.parametrize("release", ["article", "current"])
def test_a_pie_grows_by_its_relocations(release: str) -> None:
    files = builds("hello", toolchain(release))
    rows = growth(files["default"], files["pie"])
    sizes = {name: path.stat().st_size for name, path in files.items()}
    assert sum(row.delta for row in rows) == sizes["pie"] - sizes["default"]
    assert rows[0].section == ".rela"
    assert rows[0].delta == 24 * pie_facts("", "", files["pie"]).relocations
    assert rows[0].delta > 0.9 * (sizes["pie"] - sizes["default"])
    assert growth(files["pie"], files["pie"]) == []


def test_only_a_pie_lies_elsewhere_at_each_start(current_go: Toolchain) -> None:
    rows = placements(builds("addresses", current_go), starts=8)
    found = {row.build: row for row in places(rows)}
    assert (found["default"].code, found["default"].data, found["default"].starts) == (1, 1, 8)
    if aslr() == "off":
        pytest.skip("the kernel draws no addresses")
    assert found["default"].stack > 1
    assert all(place.code > 1 for name, place in found.items() if name != "default")


def test_another_program_prints_no_addresses(current_go: Toolchain) -> None:
    with pytest.raises(LabError, match="did not print its addresses"):
        placements({"hello": builds("hello", current_go)["default"]}, starts=1)


def test_places_counts_different_addresses() -> None:
    rows = Table([Placement("x", 0, 1, 2, 3, 4), Placement("x", 1, 1, 2, 3, 5)])
    (place,) = places(rows)
    assert (place.starts, place.code, place.data, place.heap, place.stack) == (2, 1, 1, 1, 2)


def test_a_pie_touches_more_pages_at_a_start(current_go: Toolchain) -> None:
    files = builds("hello", current_go)
    commands = [Command(name, (str(path),)) for name, path in files.items()]
    rows = start_rows("1", {"warm": measure(commands, rounds=20, seed=1)})
    faults = {row.build: row.minor_faults for row in rows}
    assert faults["pie"] > faults["default"]
    assert [row.build for row in rows] == list(files)
    assert rows[0].ratio is None
    assert rows[1].ratio
    assert start_chart(rows)


def test_a_pie_does_not_start_in_an_empty_root(current_go: Toolchain) -> None:
    if reason := emptyroot.impossible():
        pytest.skip(reason)
    rows = {row.build: row for row in in_empty_roots(builds("hello", current_go))}
    assert rows["default"].alone == "exit 0"
    assert (rows["pie"].alone, rows["pie"].with_loader) == ("execve: ENOENT", "exit 0")
    if "static-pie" in rows:
        assert rows["static-pie"].alone == "exit 0"


def test_the_figures_show_what_they_are_given(current_go: Toolchain) -> None:
    files = builds("hello", current_go)
    chart = growth_chart({"1.27": growth(files["default"], files["pie"])})
    assert ".rela" in [label.get_text() for label in chart.axes[0].get_yticklabels()]
    rows = [Placement("a", 0, 16, 0, 0, 0), Placement("b", 0, 16, 0, 0, 0)]
    rows += [Placement("a", 1, 16, 0, 0, 0), Placement("b", 1, 32, 0, 0, 0)]
    titles = [panel.get_title() for panel in placement_chart(rows).axes]
    assert titles == ["a: 1 place", "b: 2 places"]
