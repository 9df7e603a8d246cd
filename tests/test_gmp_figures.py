import matplotlib

from labhelpers.experiments.gmp import Processor, Routine, Snapshot, Thread
from labhelpers.experiments.procresize import CASES, MAKE, PARTS, Resize
from labhelpers.experiments.quota import Limited
from labhelpers.experiments.sysmonstart import Event
from labhelpers.show import gmp_figures as figures
from labhelpers.table import Table

matplotlib.use("agg")


def resize(case: str, procs: int, part: str, us: float, go: str = "1.22.10") -> Resize:
    return Resize(go, case, 0, procs, part, us, us * 0.9, us * 1.1)


def test_every_g_m_and_p_has_a_box_and_holders_stand_in_line() -> None:
    seen = Snapshot(
        "1.22.10",
        Table([Processor(0, "idle", None), Processor(1, "running", 0)]),
        Table([Thread(0, "rt0_go", 1, 1, "runs"), Thread(1, "sysmon", None, None, "watches")]),
        Table(
            [
                Routine(1, "running", 0, "main", ""),
                Routine(2, "waiting", None, "gcenable.gowrap1", "GC sweep wait"),
                Routine(3, "waiting", None, "forcegchelper", "force gc (idle)"),
            ]
        ),
    )
    (panel,) = figures.scheduler(seen).axes
    where = {text.get_text(): text.get_position() for text in panel.texts}
    boxes = {"G1", "G2", "G3", "M0", "M1", "P0", "P1"}
    assert boxes <= where.keys()
    assert len(panel.patches) == len(boxes)
    assert where["G1"][0] == where["M0"][0] == where["P1"][0]
    assert len({where[box] for box in boxes}) == len(boxes)
    assert len(panel.lines) == 2
    assert "GC sweep wait\nwaiting" in where


def test_the_article_is_drawn_beside_the_cases() -> None:
    rows = [
        vars(resize(case, procs, part, procs * 2.0))
        for case in CASES[:2]
        for procs in (1, 32, 128)
        for part in ("whole", MAKE)
    ]
    (panel,) = figures.growth(rows, {1: 0.3, 32: 12.7}).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in panel.lines}
    assert drawn["boot"] == [2.0, 64.0, 256.0]
    assert drawn["the article"] == [0.3, 12.7]
    assert panel.get_title() == "Go 1.22.10"


def test_parts_are_stacked_to_the_whole() -> None:
    rows = [vars(resize("first call", 32, part, 10.0)) for part in (*PARTS, "whole")]
    rows += [vars(resize("first call", 64, part, 99.0)) for part in PARTS]
    (panel,) = figures.parts(rows, 32).axes
    bars = [(bar.get_x(), bar.get_width()) for bar in panel.patches]
    assert bars == [(10.0 * index, 10.0) for index in range(len(PARTS))]
    assert [text.get_text() for text in panel.texts] == [" 60 µs"]


def test_events_have_a_row_each_in_both_releases() -> None:
    rows = [
        vars(Event(go, name, at, at - 1, at + 1, 1.0, 1.0))
        for go in ("1.22.10", "1.27.3")
        for name, at in (("a", 1.0), ("b", 2.0))
    ]
    (panel,) = figures.life(rows).axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["a", "b"]
    points = [
        line for line in panel.lines if line.get_marker() in ("o", "s") and len(line.get_xdata())
    ]
    assert sorted(float(line.get_xdata()[0]) for line in points) == [1.0, 1.0, 2.0, 2.0]


def test_quotas_are_in_order() -> None:
    rows = [
        vars(Limited("1.27.3", "as it comes", quota, 64, procs))
        for quota, procs in ((None, 64), (3.5, 4), (0.5, 2))
    ]
    (panel,) = figures.quotas(rows, 64).axes
    assert [label.get_text() for label in panel.get_xticklabels()] == ["0.5", "3.5"]
    assert list(panel.lines[0].get_ydata()) == [2, 4]
