import numpy as np
import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.sysmonstart import EVENTS, Lives, lives, quota_spans
from labhelpers.toolchain import Toolchain, toolchain


@pytest.fixture(scope="module")
def both(current_go: Toolchain) -> Lives:
    return lives([toolchain("article"), current_go], rounds=12)


def test_the_ps_are_made_before_the_main_goroutine_runs(both: Lives) -> None:
    for go in both.stamps:
        for first, later in ((0, 2), (2, 3), (3, 4), (4, 5), (5, 6), (3, 7), (7, 8)):
            assert both.always(go, first, later), (go, first, later)
        assert not both.always(go, 6, 0)


def test_events_are_told_in_their_order(both: Lives, current_go: Toolchain) -> None:
    rows = both.events()
    new = [row for row in rows if row.go == current_go.release]
    assert new[0].event == EVENTS[0]
    assert [row.median_us for row in new] == sorted(row.median_us for row in new)
    assert EVENTS[9] in {row.event for row in new}
    assert EVENTS[9] not in {row.event for row in rows if row.go == "1.22.10"}
    for row in rows:
        assert row.low_us <= row.median_us <= row.high_us
        assert 0 <= row.before_main <= row.seen <= 1


def test_what_was_not_seen_is_no_time() -> None:
    table = np.full((10, 10), 1000.0) * np.arange(1, 11)
    table[:, 9] = 0  # no look for a quota
    table[4:, 8] = 0  # sysmon looks in four starts of ten
    rows = {row.event: row for row in Lives({"x": table}, 1).events()}
    assert EVENTS[9] not in rows
    assert rows[EVENTS[8]].seen == 0.4
    assert rows[EVENTS[8]].median_us == 8.0
    assert rows[EVENTS[3]].before_main == 1.0
    assert rows[EVENTS[7]].before_main == 0.0


def test_the_look_for_a_quota_is_timed(current_go: Toolchain) -> None:
    rows = quota_spans(current_go, rounds=6)
    assert len(rows) == 6
    assert all(0 < row.low_us <= row.median_us <= row.high_us for row in rows)


def test_an_older_release_looks_for_none() -> None:
    with pytest.raises(LabError, match=r"Go 1\.22\.10 looks for no quota"):
        quota_spans(toolchain("article"), rounds=6)
