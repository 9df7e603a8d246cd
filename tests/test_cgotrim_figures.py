import pytest

from labhelpers.show.cgotrim_figures import pipeline, start_bars, trim_grid


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")


def test_the_arrow_to_the_header_is_crossed_out_where_it_leads_nowhere() -> None:
    same = {"header_same": True}
    crossed = pipeline([same, same]).axes[0]
    assert [line.get_marker() for line in crossed.lines] == ["x"]
    assert "2 of 2 builds" in " ".join(text.get_text() for text in crossed.texts)
    other = pipeline([same, {"header_same": False}]).axes[0]
    assert not other.lines
    assert "1 of 2 builds" in " ".join(text.get_text() for text in other.texts)


def test_shape_and_colour_tell_what_a_file_needs() -> None:
    rows = [
        {"program": program, "switch": switch, "link": link, "bytes": 2_340_000}
        for program in ("a", "b")
        for switch, link in (("default", "needs libraries"), ("netgo", "needs no other file"))
    ]
    (panel,) = trim_grid(rows).axes
    drawn = [line for line in panel.lines if len(line.get_xdata())]
    assert len(drawn) == 4
    assert len({(line.get_marker(), line.get_color()) for line in drawn}) == 2
    assert {text.get_text() for text in panel.texts} == {"2.34 MB"}


def test_every_start_has_its_interval_and_its_release() -> None:
    row = {"command": "default", "median_ms": 2.0, "low_ms": 1.5, "high_ms": 3.0}
    figure = start_bars({"Go 1.22": [row], "Go 1.27": [row]})
    (panel,) = figure.axes
    spans = [list(line.get_xdata()) for line in panel.lines if len(line.get_xdata()) == 2]
    assert spans == [[1.5, 3.0]] * 2
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Go 1.22", "Go 1.27"]
