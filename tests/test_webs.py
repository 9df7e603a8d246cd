"""One service on five frameworks: the same answers, what each brings, and the record."""

import json
from pathlib import Path

import pytest

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.experiments import webs
from labhelpers.experiments.initranking import RankedInit
from labhelpers.experiments.turns import Said, Talker, say
from labhelpers.experiments.worth import SWITCH, is_built
from labhelpers.modules import modules_missing
from labhelpers.programs import SERVERS, find_program
from labhelpers.recorded import data_folder
from labhelpers.show.webs_figures import against, parts
from labhelpers.toolchain import Toolchain

RECORDS = {
    "07-webs": webs.Web,
    "07-webs-answers": webs.Answered,
    "07-webs-against": webs.WebStart,
    "07-webs-trimming": webs.WebStart,
    "07-webs-parts": webs.Part,
    "07-webs-inits": RankedInit,
}
QUICK = ("net/http", "chi")
TARGETS = ("/", "/fruit/plum", "/nothing")


def file_of(framework: str, chain: Toolchain) -> Path:
    program, config = find_program(webs.WEBS[framework]), find_config("trim")
    if framework in QUICK:
        if why := modules_missing(program, chain):
            pytest.skip(why)
    elif not is_built(program, config, chain):
        pytest.skip(f"{framework} is not in the build cache, and takes long")
    path = build(program, config, chain).path
    assert path
    return path


def recorded(name: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads((data_folder() / f"{name}.json").read_text())["rows"]
    return rows


def test_all_services_are_one_source_but_for_the_framework() -> None:
    folders = [find_program(name).folder for name in webs.WEBS.values()]
    assert len({(folder / "main.go").read_bytes() for folder in folders}) == 1
    for folder in folders:
        assert {path.name for path in folder.iterdir()} <= {
            *("main.go", "service.go", "go.mod", "go.sum"),
        }
    assert set(webs.WEBS.values()) <= SERVERS


@pytest.mark.parametrize("framework", list(webs.WEBS))
def test_all_answer_alike(framework: str, current_go: Toolchain) -> None:
    hello, fruit, nothing = webs.ask(file_of(framework, current_go), *TARGETS)
    assert (hello.status, hello.type, hello.body) == (200, "text/plain", "hello")
    assert (fruit.status, fruit.type) == (200, "application/json")
    assert json.loads(fruit.body) == {"fruit": "plum"}
    assert nothing.status == 404


def test_the_answers_as_a_table(current_go: Toolchain) -> None:
    for framework in QUICK:
        file_of(framework, current_go)
    found = webs.answers(current_go, QUICK)
    assert [row.framework for row in found] == list(QUICK)
    assert {row.plum for row in found} == {'200 application/json {"fruit":"plum"}'}


@pytest.mark.parametrize("framework", list(webs.WEBS))
def test_all_say_one_line_and_end_with_their_input(framework: str, current_go: Toolchain) -> None:
    path = file_of(framework, current_go)
    done = say(Talker(framework, (str(path),), {}))  # its standard input is empty
    assert (done.err, done.status) == ("", 0)
    assert done.out.startswith("ready 127.0.0.1:")
    assert done.out.count("\n") == 1


def test_what_is_no_service_gives_no_answer(current_go: Toolchain) -> None:
    path = build(find_program("hello"), find_config("trim"), current_go).path
    assert path
    with pytest.raises(LabError, match="did not print its address"):
        webs.ask(path, "/")


def test_what_a_framework_brings_and_costs(current_go: Toolchain) -> None:
    for framework in QUICK:
        file_of(framework, current_go)
    alone, chi = webs.webs(current_go, QUICK)
    assert (alone.foreign, alone.modules) == (0, 0)
    assert (chi.foreign, chi.modules) == (1, 1)
    assert chi.packages > alone.packages
    assert alone.cgo == chi.cgo
    assert chi.inits >= alone.inits > 10
    assert min(chi.trimmed_inits, alone.trimmed_inits) > 10
    assert alone.trimmed_link == "needs no other file"


def test_starts_are_compared_and_divided(current_go: Toolchain) -> None:
    for framework in QUICK:
        file_of(framework, current_go)
    found = webs.web_starts(current_go, QUICK, rounds=6, init_rounds=6)
    pairs = [(row.framework, row.config) for row in found.against]
    assert pairs == [(own, config) for config in webs.CONFIGS for own in QUICK]
    assert [row.verdict == "baseline" for row in found.against] == [True, False] * 2
    assert [row.baseline for row in found.trimming] == [
        f"{own} default" for own in QUICK for _ in webs.CONFIGS
    ]
    for part in found.parts:
        assert 0 < part.inits_ms < part.start_ms
        assert 0 < part.share < 100
        if part.main_ms is not None and part.serving_ms is not None:
            assert part.main_ms > part.inits_ms
    assert {row.command for row in found.inits} == set(QUICK)


def test_only_what_is_resolved_is_named() -> None:
    def row(framework: str, ratio: float, verdict: str) -> dict[str, object]:
        return {"framework": framework, "config": "trim", "ratio": ratio, "verdict": verdict}

    rows = [
        row("net/http", 1.0, "baseline"),
        row("chi", 1.2, "not resolved"),
        row("gin", 1.5, "slower"),
    ]
    assert webs.resolved(rows, "trim") == "1 of 2 resolved: gin +50.0 %"
    assert webs.resolved(rows[:2], "trim") == "0 of 1 resolved: none"
    assert webs.resolved(rows, "default") == "0 of 0 resolved: none"


def test_frameworks_are_not_built_unasked(
    current_go: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path))
    monkeypatch.delenv(SWITCH, raising=False)
    assert "web-gin" in (webs.impossible(current_go) or "")


# The command line


@pytest.fixture
def cobra(current_go: Toolchain) -> Path:
    program = find_program("cli-cobra")
    if why := modules_missing(program, current_go):
        pytest.skip(why)
    path = build(program, find_config("trim"), current_go).path
    assert path
    return path


def ran(path: Path, *words: str) -> Said:
    return say(Talker(path.name, (str(path), *words), {}))


def test_the_subcommands(cobra: Path) -> None:
    assert ran(cobra, "greet", "you", "--times", "2").out == "hello, you\nhello, you\n"
    assert ran(cobra, "sum", "1", "2", "39").out == "42\n"
    assert "greet" in ran(cobra).out
    assert ran(cobra, "sum", "one").status == 1
    assert ran(cobra, "nonsense").status == 1


# The record


@pytest.mark.parametrize("name", list(RECORDS))
def test_the_record_has_the_columns_of_today(name: str) -> None:
    rows = recorded(name)
    assert rows
    for row in rows:
        RECORDS[name](**row)


def test_the_record_is_of_these_frameworks_and_can_be_drawn() -> None:
    frameworks = list(webs.WEBS)
    assert [row["framework"] for row in recorded("07-webs")] == frameworks
    divided = recorded("07-webs-parts")
    labels = [text.get_text() for text in parts(divided).axes[0].get_yticklabels()]
    assert labels == frameworks
    figure = against(recorded("07-webs-against"), recorded("07-webs-trimming"))
    shown = [[text.get_text() for text in axes.get_yticklabels()] for axes in figure.axes]
    assert shown == [frameworks[1:], frameworks]


def test_a_start_whose_main_was_not_seen_can_be_drawn() -> None:
    unseen = [
        {**row, "main_ms": None, "before_ms": None, "serving_ms": None}
        for row in recorded("07-webs-parts")
    ]
    assert len(parts(unseen).axes[0].get_yticklabels()) == len(webs.WEBS)
