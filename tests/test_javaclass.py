"""A Java class needs a Java to run it, and no jar."""

import pytest

from labhelpers.experiments import javaclass


@pytest.mark.skipif(bool(javaclass.impossible()), reason="no Java here")
def test_a_class_runs_by_java_and_its_class_path_alone() -> None:
    ran = {attempt.way: attempt.runs for attempt in javaclass.attempts()}
    assert ran == {
        "the class by itself": False,
        "java, no class path to it": False,
        "java, with a class path": True,
    }


def test_a_machine_without_java_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert javaclass.impossible() == "java and javac not found on this machine."
