import pytest

from labhelpers.cgo.report import Cause, CgoReport, Switch, cgo_report
from labhelpers.programs import find_program
from labhelpers.show.cgo_figures import LONGEST, MOST, cgo_figure
from labhelpers.show.cgo_text import cgo_text
from labhelpers.toolchain import Toolchain


def cause(number: int, chain: tuple[str, ...]) -> Cause:
    return Cause(
        package=chain[-1],
        module="example.org/other@v1.0.0",
        standard=number % 2 == 0,
        chain=chain,
        c_files=number,
        why="It compiles sources of its own.",
        removed_by=("CGO_ENABLED=0",) if number else (),
        in_its_place="a stub (stub.go)",
        cgo_files=("c.go",),
    )


def made_up(*causes: Cause) -> CgoReport:
    gone = tuple(own.package for own in causes)
    switches = (
        Switch("CGO_ENABLED=0", gone, (), True, None, ("Names: otherwise.",), "static Go"),
        Switch("netgo", (), gone, None, None, ()),
        Switch("one", gone, (), False, "It does not build: a is gone.", ()),
        Switch("two", gone, (), False, "It does not build: a is gone.", ()),
    )
    return CgoReport("app", "1.27.3", "dynamic, by a C linker", causes, switches, ("A fact.",))


def words(figure: object) -> list[str]:
    from matplotlib.figure import Figure

    assert isinstance(figure, Figure)
    figure.canvas.draw()  # what cannot be laid out fails here
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("width", [110, 80])
def test_the_text_says_all_and_keeps_to_its_width(width: int, current_go: Toolchain) -> None:
    report = cgo_report(find_program("netuser"), current_go, try_builds=False)
    text = cgo_text(report, width)
    for word in ("net", "os/user", "golab/netuser → net", "netgo", "not tried", "Names:", "Users:"):
        assert word in text
    assert "purego)" not in text  # it takes nothing out, and so is no way to anything
    assert max(map(len, text.splitlines())) <= width


def test_a_program_without_c_has_a_short_text(current_go: Toolchain) -> None:
    text = cgo_text(cgo_report(find_program("hello"), current_go))
    assert "there is nothing to take out" in text
    assert "What is different" not in text


def test_the_program_itself_may_hold_the_c() -> None:
    assert "by nothing: it is the program itself" in cgo_text(made_up(cause(1, ("app",))))


def test_the_same_error_is_said_once() -> None:
    text = cgo_text(made_up(cause(1, ("app", "a"))))
    assert text.count("It does not build: a is gone.") == 1
    assert "one, two: It does not build" in text
    assert "Names: otherwise. (CGO_ENABLED=0)" in text


def test_what_comes_from_packages_cannot_steer_a_terminal() -> None:
    text = cgo_text(made_up(cause(1, ("app", "a\x1b[31m/b"))))
    assert "\x1b" not in text
    assert "\\x1b[31m" in text


def test_the_figure_has_a_box_a_package_and_an_end_a_cause() -> None:
    report = made_up(cause(0, ("app", "net")), cause(1, ("app", "a", "b")), cause(2, ("app", "a")))
    said = words(cgo_figure(report))
    assert [text for text in said if text in ("app", "a", "b", "net")].count("a") == 1
    assert said.count('import "C"') == 3
    assert {"app", "a", "b", "net"} <= set(said)
    assert "nothing that\nwas tried" in said


def test_long_chains_and_many_causes_are_cut() -> None:
    chain = tuple(f"example.org/a/very/long/name/of/a/package/number{n}" for n in range(12))
    many = [cause(n, ("app", f"p{n:02}")) for n in range(MOST + 3)]
    said = words(cgo_figure(made_up(cause(1, chain), *many)))
    assert said.count('import "C"') == MOST
    assert f"({12 - LONGEST + 1} more)" in said
    assert any(text.startswith("…/") and text.endswith("number11") for text in said)


def test_no_cause_is_a_figure_too(current_go: Toolchain) -> None:
    said = words(cgo_figure(cgo_report(find_program("hello"), current_go, try_builds=False)))
    assert said == ["hello", 'No package of it holds import "C".']
