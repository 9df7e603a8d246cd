"""Package inits ranked over several starts, and what is known of the frameworks beforehand."""

import json
import sys
from pathlib import Path

import pytest

from labhelpers.build import BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.experiments import frameworks
from labhelpers.experiments.edits import changed
from labhelpers.experiments.initranking import InitSum, RankedInit, of_files, rank_inits
from labhelpers.programs import find_program
from labhelpers.recorded import data_folder
from labhelpers.show.tracing_figures import init_bars, init_sums
from labhelpers.toolchain import Toolchain

MEND = {
    'import "slices"': 'import (\n\t"slices"\n\t"sync"\n)',
    "var index = build()": "var index = sync.OnceValue(build)",
    "return index[word]": "return index()[word]",
}


@pytest.fixture(scope="module")
def files(current_go: Toolchain) -> dict[str, Path]:
    slow = find_program("slowinit")
    programs = {"slow": slow, "mended": changed(slow, {"spelling/spelling.go": MEND})}
    made = {name: build(p, BuildConfig(cgo=False), current_go).path for name, p in programs.items()}
    assert all(made.values())
    return {name: path for name, path in made.items() if path}


def test_the_slow_init_comes_first_and_is_gone_when_mended(files: dict[str, Path]) -> None:
    ranking = rank_inits(of_files(files), rounds=8)
    slow, mended = (
        [row for row in ranking.packages if row.command == name] for name in ("slow", "mended")
    )
    assert slow[0].package == "golab/slowinit/spelling"
    assert slow[0].allocs > 1000
    assert slow[0].low_ms <= slow[0].clock_ms <= slow[0].high_ms
    left = [row.allocs for row in mended if row.package == "golab/slowinit/spelling"]
    assert all(allocs < 100 for allocs in left)
    for name in ("slow", "mended"):
        own = [row.clock_ms for row in ranking.packages if row.command == name]
        assert own == sorted(own, reverse=True)


def test_sums_and_the_slowest_of_each(files: dict[str, Path]) -> None:
    ranking = rank_inits(of_files(files), rounds=6)
    assert [own.command for own in ranking.sums] == ["slow", "mended"]
    for own in ranking.sums:
        assert 0 < own.inits_ms < own.start_ms
        assert own.slowest == ranking.slowest(1)[ranking.sums.index(own)].package
    assert len(ranking.slowest(3)) == 6


def test_too_few_rounds_and_no_go_program() -> None:
    python = of_files({"python": Path(sys.executable)})
    with pytest.raises(LabError, match="2 rounds give no interval"):
        rank_inits(python, rounds=2)
    with pytest.raises(LabError, match="reported no init"):
        rank_inits(python, rounds=6)


def test_frameworks_are_only_fetched_where_that_was_asked_for(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path))
    monkeypatch.delenv(frameworks.SWITCH, raising=False)
    why = frameworks.impossible(current_go)
    assert why
    assert "GOLAB_BUILD=1" in why
    monkeypatch.setenv(frameworks.SWITCH, "1")
    assert frameworks.impossible(current_go) is None


def test_a_framework_that_cannot_be_fetched(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path))
    monkeypatch.setenv("GOPROXY", "off")
    with pytest.raises(LabError, match=r"go get github\.com/go-chi.* failed"):
        frameworks.framework_files(current_go)
    assert not list((tmp_path / "frameworks").glob("chi*"))


def test_the_record_is_of_these_frameworks_and_can_be_drawn() -> None:
    rows = {
        name: json.loads((data_folder() / f"{name}.json").read_text())["rows"]
        for name in ("08-frameworks", "08-inits")
    }
    sums = [InitSum(**row) for row in rows["08-frameworks"]]
    assert [own.command for own in sums] == [own.name for own in frameworks.FRAMEWORKS]
    inits = [RankedInit(**row) for row in rows["08-inits"]]
    assert {own.command for own in inits} == {own.command for own in sums}
    labels = [text.get_text() for text in init_sums(sums).axes[0].get_yticklabels()]
    assert labels == [own.command for own in sums]
    figure = init_bars(rows["08-inits"], [own.command for own in sums], most=2)
    assert len(figure.axes[0].get_yticklabels()) == 2 * len(sums)
