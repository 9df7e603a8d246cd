"""Changed copies of programs."""

import pytest

from labhelpers.build import BuildConfig, build
from labhelpers.errors import LabError
from labhelpers.experiments.edits import changed
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain


def test_a_copy_is_changed_and_the_original_is_not(current_go: Toolchain) -> None:
    hello = find_program("hello")
    before = (hello.folder / "main.go").read_text()
    other = changed(hello, {"main.go": {'"hello"': '"goodbye"'}})
    assert (hello.folder / "main.go").read_text() == before
    assert '"goodbye"' in (other.folder / "main.go").read_text()
    assert other.content != hello.content
    assert build(other, BuildConfig(cgo=False), current_go).path


def test_the_same_change_gives_the_same_copy() -> None:
    hello = find_program("hello")
    edit = {"main.go": {'"hello"': '"again"'}}
    first, second = changed(hello, edit), changed(hello, edit)
    assert first == second
    assert changed(hello, {"main.go": {'"hello"': '"once more"'}}) != first


def test_a_change_that_does_not_build_says_where(current_go: Toolchain) -> None:
    broken = changed(find_program("hello"), {"main.go": {"fmt.Println": "fmt.Printline"}})
    assert build(broken, BuildConfig(cgo=False), current_go).error == (
        "./main.go:7:6: undefined: fmt.Printline"
    )


def test_texts_that_are_not_there_once() -> None:
    hello = find_program("hello")
    for text in ("absent", "fmt"):
        with pytest.raises(LabError, match=r"is in main\.go of hello \d times"):
            changed(hello, {"main.go": {text: ""}})
    with pytest.raises(LabError, match=r"has no file other\.go"):
        changed(hello, {"other.go": {}})
