"""What `golab test` runs: every test file and every lab, once."""

from pathlib import Path

from labhelpers.testing import ALONE, checks

CHECKOUT = Path(__file__).resolve().parent.parent


def test_what_runs_alone_is_there() -> None:
    """A name that leads nowhere would let the renamed file run beside others."""
    assert [file for file in ALONE if not (CHECKOUT / file).is_file()] == []


def test_what_is_left_out_at_first_runs_alone() -> None:
    own = checks()
    left_out = [
        word.removeprefix("--ignore=")
        for name in ("tests", "labs")
        for word in own[name]
        if word.startswith("--ignore=")
    ]
    later = [word for name in ("tests", "labs") for word in own[f"{name} alone"] if "/" in word]
    assert left_out == later == list(ALONE)
