import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import built

from labhelpers import study as study_module
from labhelpers.build import build_all
from labhelpers.configs import find_config
from labhelpers.documents import SCHEMA, load_study, study_document
from labhelpers.errors import LabError
from labhelpers.paths import cache_dir
from labhelpers.programs import find_program
from labhelpers.show.tables import study_text
from labhelpers.startup.pagecache import make_cold
from labhelpers.startup.rounds import Block, Run, run_blocks
from labhelpers.study import (
    BASELINE,
    QUICK,
    TWIN,
    Cell,
    Design,
    Study,
    plan,
    possible_caches,
    refuse_broken_baseline,
    refuse_lone_baseline,
    run_study,
    staged,
)
from labhelpers.toolchain import Toolchain
from labhelpers.verdict import verdict

SMALL = Design(
    programs=("empty", "cgocall"),
    releases=("current",),
    configs=("strip", "trim", "strip+trim", "external+trim"),
    rounds=12,
    seed=5,
)
MEASURED = ["default", "strip", "trim", "strip+trim"]


def cold_is_possible(folder: Path) -> bool:
    file = folder / "probe"
    file.write_bytes(b"x" * 10_000)
    try:
        make_cold(file)
    except LabError:
        return False
    finally:
        file.unlink()
    return True


@pytest.fixture(scope="module")
def before() -> set[Path]:
    return set(cache_dir("runs").iterdir())


@pytest.fixture(scope="module")
def stages() -> Counter[str]:
    return Counter()


@pytest.fixture(scope="module")
def small(before: set[Path], stages: Counter[str]) -> Study:
    """Return a small experiment, run for real."""
    if not cold_is_possible(cache_dir("runs")):
        pytest.skip("the cache lies on a RAM disk")

    def progress(stage: str, more: int, whole: int) -> None:
        stages[stage] += more
        stages[f"{stage} in all"] = whole

    return run_study(SMALL, progress)


@pytest.fixture(scope="module")
def document(small: Study) -> dict[str, object]:
    return study_document(small)


def test_there_is_a_cell_for_each_program_and_cache(small: Study) -> None:
    go = small.releases[0]
    assert set(small.launches) == {
        Cell(program, go, cache) for program in ("empty", "cgocall") for cache in ("warm", "cold")
    }
    assert (small.programs, small.rounds, small.seed) == (["empty", "cgocall"], 12, 5)
    assert small.interrupted is None


def test_every_build_that_succeeded_is_started_once_a_round(small: Study) -> None:
    for cell, launches in small.launches.items():
        counts = Counter((x.round, x.command) for x in launches)
        assert counts == Counter((r, c) for r in range(12) for c in [*MEASURED, TWIN])
        assert small.measured_configs(cell) == MEASURED


def test_a_build_that_cannot_succeed_is_kept_with_its_error(small: Study) -> None:
    failed = [b for b in small.binaries if b.error]
    assert {(b.program, b.config) for b in failed} == {
        ("empty", "external+trim"),
        ("cgocall", "external+trim"),
    }
    assert all("cgo" in (b.error or "") for b in failed)
    assert small.size("empty", small.releases[0], "external+trim") is None
    assert (small.size("empty", small.releases[0], "strip") or 0) > 100_000


def test_cold_starts_read_and_warm_ones_do_not(small: Study) -> None:
    for cell, launches in small.launches.items():
        for launch in launches:
            if cell.cache == "cold":
                assert launch.timing.major_faults >= 1
                assert launch.pages_read
            else:
                assert launch.pages_read is None


def test_the_folder_of_the_run_is_gone(small: Study, before: set[Path]) -> None:
    left = set(cache_dir("runs").iterdir()) - before
    # Another run of golab on this machine may have a folder of its own there, but not of ours.
    assert not [path for path in left if list(path.glob(f"empty-*-{TWIN}"))]


def test_progress_adds_up(small: Study, stages: Counter[str]) -> None:
    assert stages["build"] == stages["build in all"] == 2 * 5
    assert stages["start"] == stages["start in all"] == 2 * 2 * 12 * (5 + 5)


FIELDS = {
    "binaries": {"program", "config", "go", "bytes", "command", "error"},
    "comparisons": {
        *("program", "go", "cache", "baseline", "candidate"),
        *("ratio", "ci95", "floor", "verdict"),
    },
    "readings": {"reading", "holds", "best", "ci95", "where"},
    "launches": {
        *("round", "position", "command", "wall_ns", "user_us", "sys_us"),
        *("minor_faults", "major_faults", "program", "go", "cache"),
    },
    "interactions": {"program", "go", "cache", "steps", "ratio", "ci95", "verdict"},
}


def test_the_document_has_the_fields_that_others_rely_on(document: dict[str, object]) -> None:
    assert document["schema"] == SCHEMA == "golab/reproduce/1"
    assert document["programs"] == ["empty", "cgocall"]
    assert document["configs"] == [*MEASURED, "external+trim"]
    assert {"machine", "seed", "rounds", "verdict"} <= document.keys()
    for name, wanted in FIELDS.items():
        rows = document[name]
        assert isinstance(rows, list)
        assert rows
        for row in rows:
            assert wanted <= row.keys()
    assert isinstance(document["verdict"], str)
    words = {"faster", "slower", "not resolved"}
    assert {row["verdict"] for row in document["comparisons"]} <= words  # type: ignore[attr-defined]


def test_comparisons_are_all_against_the_default(document: dict[str, object]) -> None:
    rows = document["comparisons"]
    assert isinstance(rows, list)
    assert len(rows) == 2 * 2 * 3
    for row in rows:
        assert row["baseline"] == BASELINE
        assert row["candidate"] in MEASURED[1:]
        assert row["ci95"][0] <= row["ratio"] <= row["ci95"][1]


def test_a_document_survives_json_and_gives_the_same_again(document: dict[str, object]) -> None:
    text = json.dumps(document, allow_nan=False)
    again = study_document(load_study(json.loads(text)))
    assert json.loads(json.dumps(again)) == json.loads(text)


def test_a_document_names_no_place_on_this_machine(document: dict[str, object]) -> None:
    text = json.dumps(document)
    for place in (str(Path.home()), str(cache_dir()), str(Path(__file__).parent.parent)):
        if place != "/":
            assert place + "/" not in text


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(LabError, match="schema"):
        load_study({"schema": "golab/measure/1"})


def test_a_person_can_read_it(small: Study) -> None:
    text = study_text(small, [], None)
    for word in ("warm start", "cold start", "empty", "cgocall", "A/A floor", "external+trim"):
        assert word in text


# Designs that cannot be


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"programs": ("nonsense",)}, "no program named 'nonsense'"),
        ({"configs": ("nonsense",)}, "no configuration named 'nonsense'"),
        ({"releases": ("nonsense",)}, "no Go release"),
        ({"rounds": 1}, "at least"),
        ({"rounds": 11}, "at least 12"),
        ({"configs": ("default",)}, "nothing to compare"),
        ({"configs": ()}, "nothing to compare"),
        ({"programs": ()}, "at least one program"),
        ({"releases": ()}, "at least one program, one Go release"),
        ({"caches": ()}, "one cache state"),
    ],
)
def test_a_design_that_cannot_be_is_one_sentence(
    change: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(LabError, match=message) as caught:
        plan(replace(SMALL, **change))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_two_programs_of_one_name_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "main.go").write_text("package main\n\nfunc main() {}\n")
    with pytest.raises(LabError, match="same name"):
        plan(replace(SMALL, programs=("empty", str(folder))))


def test_doubled_names_count_once() -> None:
    doubled = replace(SMALL, programs=("empty",) * 2, configs=("trim+strip", "strip+trim"))
    jobs = plan(replace(doubled, releases=("current", "current")))
    assert [(p.name, config) for p, config, _ in jobs] == [
        ("empty", "default"),
        ("empty", "strip+trim"),
    ]


def test_the_quick_design_needs_no_more_than_two_programs() -> None:
    assert len(QUICK.programs) == 2
    assert QUICK.rounds >= 12
    assert set(QUICK.configs) == set(Design().configs)


def test_a_baseline_that_does_not_build_ends_the_study(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "go.mod").write_text("module broken\n\ngo 1.21\n")
    (folder / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")
    with pytest.raises(LabError, match=r"broken does not build .*main.go:3:15: undefined"):
        run_study(replace(SMALL, programs=(str(folder),)))


def test_a_study_of_builds_that_all_fail_says_so() -> None:
    with pytest.raises(LabError, match=r"empty builds with Go .* as default only: external\+trim"):
        run_study(replace(SMALL, configs=("external+trim",)))


def test_which_builds_may_fail() -> None:
    fine = [built("a", BASELINE, 9), built("a", "strip", 8), built("a", "trim", None)]
    refuse_broken_baseline(fine)
    refuse_lone_baseline(fine)
    with pytest.raises(LabError, match=r"b builds with Go 1\.99\.0 as default only"):
        refuse_lone_baseline([*fine, built("b", BASELINE, 9), built("b", "trim", None)])
    with pytest.raises(LabError, match="b does not build"):
        refuse_broken_baseline([*fine, built("b", BASELINE, None)])


# Copies


def test_the_copies_are_the_builds_and_one_is_the_twin(current_go: Toolchain) -> None:
    names = [BASELINE, "strip"]
    binaries = build_all([(find_program("httpd"), find_config(n), current_go) for n in names])
    with staged(binaries, {"httpd"}) as files:
        (commands,) = files.values()
        assert [command.name for command in commands] == [BASELINE, TWIN, "strip"]
        assert all(command.server for command in commands)
        assert len({command.file for command in commands}) == 3
        whole = [command.file.read_bytes() for command in commands]
        assert whole[0] == whole[1] == (binaries[0].path or Path()).read_bytes()
        assert whole[2] == (binaries[1].path or Path()).read_bytes()
        folder = commands[0].file.parent
    assert not folder.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, LabError])
def test_the_copies_are_gone_whatever_happens(
    current_go: Toolchain, error: type[BaseException]
) -> None:
    binaries = build_all([(find_program("hello"), find_config(BASELINE), current_go)])
    folder = Path()

    def work() -> None:
        nonlocal folder
        with staged(binaries, ()) as files:
            folder = next(iter(files.values()))[0].file.parent
            assert folder.is_dir()
            raise error

    with pytest.raises(error):
        work()
    assert not folder.exists()


def test_a_cache_folder_that_cannot_be_written_to_is_one_sentence(
    current_go: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = build_all([(find_program("hello"), find_config(BASELINE), current_go)])
    monkeypatch.setenv("GOLAB_CACHE", "/proc/golab")
    with pytest.raises(LabError, match="cannot be written to"), staged(binaries, ()):
        pass


# Without a cold cache


def test_on_a_ram_disk_the_cold_half_is_left_out_with_a_caution(ram_disk: Path) -> None:
    file = ram_disk / "file"
    file.write_bytes(b"x" * 10_000)
    caches, cautions = possible_caches(("warm", "cold"), file)
    assert caches == ["warm"]
    (caution,) = cautions
    assert caution.kind == "no cold start"
    assert "RAM disk" in caution.text
    assert possible_caches(("warm",), file) == (["warm"], [])
    with pytest.raises(LabError, match="RAM disk"):
        possible_caches(("cold",), file)


@pytest.fixture
def cache_in_memory(ram_disk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put golab's cache onto a RAM disk, but for what has been built before."""
    for name in ("go", "builds", "toolchains"):
        (ram_disk / name).symlink_to(cache_dir(name))
    monkeypatch.setenv("GOLAB_CACHE", str(ram_disk))
    return ram_disk


def test_a_study_on_a_ram_disk_is_warm_only(cache_in_memory: Path) -> None:
    own = run_study(replace(SMALL, programs=("empty",), configs=("strip",)))
    assert [cell.cache for cell in own.launches] == ["warm"]
    assert "no cold start" in [caution.kind for caution in own.cautions]
    assert not list((cache_in_memory / "runs").iterdir())
    with pytest.raises(LabError, match="cold start cannot be measured"):
        run_study(replace(SMALL, programs=("empty",), configs=("strip",), caches=("cold",)))
    assert not list((cache_in_memory / "runs").iterdir())


# Cut short


@pytest.mark.parametrize("rounds", [0, 1, 5, 7, 12])
def test_ctrl_c_keeps_a_study_of_the_whole_rounds(
    monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:

    def cut(blocks: list[Block], wanted: int, *rest: object) -> Run:
        run = run_blocks(blocks, rounds, *rest)  # type: ignore[arg-type]
        run.interrupted = "Ctrl-C"
        return run

    monkeypatch.setattr(study_module, "run_blocks", cut)
    own = run_study(replace(SMALL, programs=("empty",), configs=("strip",), caches=("warm",)))
    assert (own.rounds, own.interrupted) == (rounds, "Ctrl-C")
    again = load_study(json.loads(json.dumps(study_document(own))))
    assert again.rounds == rounds
    assert study_text(own, [], None)


def test_a_failure_with_enough_rounds_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = 0

    def cut(blocks: list[Block], wanted: int, *rest: object) -> Run:
        run = run_blocks(blocks, whole, *rest)  # type: ignore[arg-type]
        run.failure = LabError("strip disappeared")
        run.interrupted = str(run.failure)
        return run

    monkeypatch.setattr(study_module, "run_blocks", cut)
    design = replace(SMALL, programs=("empty",), configs=("strip",), caches=("warm",))
    with pytest.raises(LabError, match="strip disappeared"):
        run_study(design)
    whole = 6
    assert run_study(design).interrupted == "strip disappeared"


def test_the_verdict_of_a_real_study_has_its_sentences(small: Study) -> None:
    from labhelpers.readings import readings

    own = verdict(small, readings(small))
    # All three steps at once were not part of this design.
    assert own.word == "not resolved"
    assert len(own.sentences) >= 3
