"""The same mistakes in Go and in Rust."""

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.panics import PAST_THE_END, TWO_WRITERS, no_rust, panic_trials
from labhelpers.toolchain import toolchain


def test_safety_of_memory_is_no_safety_from_panics() -> None:
    if reason := no_rust():
        pytest.skip(reason)
    found = {(own.mistake, own.language): own for own in panic_trials(toolchain("current"))}
    for language in ("Go", "Rust"):
        assert found[PAST_THE_END, language].ends
    assert "index out of range" in found[PAST_THE_END, "Go"].said
    assert "index out of bounds" in found[PAST_THE_END, "Rust"].said
    assert not found[TWO_WRITERS, "Rust"].compiles
    assert "E0499" in found[TWO_WRITERS, "Rust"].said
    assert found[TWO_WRITERS, "Go"].compiles


def test_without_rust_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert no_rust()
    with pytest.raises(LabError, match="read the recorded trials"):
        panic_trials(toolchain("current"))
