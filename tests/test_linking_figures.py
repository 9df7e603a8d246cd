import pytest

from labhelpers.show.linking_figures import gaps, roots, starts_and_limit

ROOTS = [
    {"file": "a", "root": "empty", "outcome": "exit 0", "runs": True},
    {"file": "b", "root": "empty", "outcome": "execve: ENOENT", "runs": False},
    {"file": "b", "root": "with its loader", "outcome": "exit 127", "runs": False},
]


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")


def test_every_byte_is_drawn_twice_and_gaps_in_bold() -> None:
    patches = [{"offset": 3, "before": "00 00 00 00", "symbol": "printf"}]
    (panel,) = gaps(bytes(10), b"\xab" * 10, patches).axes
    bytes_drawn = [text for text in panel.texts if len(text.get_text()) == 2]
    assert len(bytes_drawn) == 20
    assert sum(text.get_fontweight() == "bold" for text in bytes_drawn) == 8
    assert "printf" in {text.get_text() for text in panel.texts}


def test_shape_and_colour_tell_the_outcomes_apart() -> None:
    (panel,) = roots(ROOTS).axes
    drawn = [line for line in panel.lines if len(line.get_xdata())]
    assert len({(line.get_marker(), line.get_color()) for line in drawn}) == 3
    assert [text.get_text() for text in panel.texts] == ["exit 0", "execve: ENOENT", "exit 127"]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["a", "b"]


def test_the_limit_and_every_start_are_drawn() -> None:
    rows = [
        {"command": name, "cache": cache, "median_ms": 4.0, "low_ms": 3.0, "high_ms": 5.0}
        for name in ("x", "y")
        for cache in ("warm", "cold")
    ]
    (panel,) = starts_and_limit(rows, 10).axes
    assert [10, 10] in [list(line.get_xdata()) for line in panel.lines]
    assert sum(list(line.get_xdata()) == [3.0, 5.0] for line in panel.lines) == len(rows)
