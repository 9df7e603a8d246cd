"""A check of the article's shape, with real shells and a real git."""

import os
import subprocess
from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import driftcheck
from labhelpers.experiments.driftcheck import (
    ARTICLE,
    BETTER,
    LINES,
    MENDED,
    SITUATIONS,
    Trial,
    drift_check_trials,
    impossible,
    jsonpath_end,
    no_kubectl,
)


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Trial]:
    if reason := impossible():
        pytest.skip(reason)
    found = drift_check_trials(tmp_path_factory.mktemp("drift"))
    return {(own.check, own.situation): own for own in found}


def test_every_situation_is_tried_with_both(trials: dict[tuple[str, str], Trial]) -> None:
    assert set(trials) == {(c, s.name) for c in (ARTICLE, MENDED) for s in SITUATIONS}


def test_the_mended_check_is_right_everywhere(trials: dict[tuple[str, str], Trial]) -> None:
    mended = [own for own in trials.values() if own.check == MENDED]
    assert all(own.right for own in mended), [own for own in mended if not own.right]
    assert {own.exit for own in mended if own.agree} == {0}
    assert {own.exit for own in mended if own.agree is False} == {1}
    assert {own.exit for own in mended if own.agree is None} == {2}


def test_a_newline_at_the_file_s_end_looks_like_drift(
    trials: dict[tuple[str, str], Trial],
) -> None:
    assert trials[ARTICLE, "same version, file ends without a newline"].said == "same"
    assert trials[ARTICLE, "same version, file ends in a newline"].said == "different"
    assert trials[ARTICLE, "different versions"].right


def test_nothing_beside_nothing_looks_like_agreement(
    trials: dict[tuple[str, str], Trial],
) -> None:
    own = trials[ARTICLE, "neither side can be read"]
    assert (own.said, own.exit, own.right) == ("same", 0, False)
    assert trials[ARTICLE, "cluster cannot be asked"].said == "different"


def test_what_is_checked_out_is_what_counts(trials: dict[tuple[str, str], Trial]) -> None:
    other = [own for key, own in trials.items() if "other branch" in key[1] and key[0] == ARTICLE]
    assert len(other) == 2
    assert not any(own.right for own in other)


def test_the_exit_status_tells_nothing(trials: dict[tuple[str, str], Trial]) -> None:
    in_bash = [o for o in trials.values() if o.check == ARTICLE and o.shell == "bash"]
    assert {own.exit for own in in_bash} == {0}
    assert all(own.clock for own in in_bash if own.said == "different")


def test_a_plain_shell_does_not_know_the_syntax(trials: dict[tuple[str, str], Trial]) -> None:
    own = trials[ARTICLE, "same version, run by a plain sh"]
    assert (own.said, own.right) == ("", False)
    assert own.exit


def test_the_user_s_own_git_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := impossible():
        pytest.skip(reason)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[core\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert len(drift_check_trials()) == 2 * len(SITUATIONS)


def test_both_scripts_are_shell() -> None:
    if reason := impossible():
        pytest.skip(reason)
    for shell, script in (("bash", LINES), ("bash", BETTER), ("sh", BETTER)):
        done = subprocess.run([shell, "-n", "-c", script], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_without_git_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bash").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert impossible() == "There is no git and no diff on this machine to try the lines with."
    with pytest.raises(LabError, match="read the recorded trials"):
        drift_check_trials()


def test_kubectl_ends_without_a_newline() -> None:
    if reason := no_kubectl():
        pytest.skip(reason)
    assert jsonpath_end() == ""


def test_a_kubectl_that_ends_in_a_newline_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "kubectl"
    script.write_text("#!/bin/sh\necho 1.4\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert jsonpath_end() == "\n"
    script.write_text("#!/bin/sh\necho no >&2; exit 1\n")
    with pytest.raises(LabError, match="printed no version \\(no\\)"):
        driftcheck.jsonpath_end()
