"""What C and Go share of memory: the real program in every mode."""

import subprocess

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import cgomemory
from labhelpers.experiments.linkmodes import MODES, impossible
from labhelpers.programs import find_program
from labhelpers.show.external_figures import address_space, leak_bars
from labhelpers.toolchain import Toolchain


@pytest.fixture(scope="module")
def chain(current_go: Toolchain) -> Toolchain:
    if impossible(current_go):
        pytest.skip("no C compiler")
    return current_go


def test_both_modes_have_one_layout(chain: Toolchain) -> None:
    rows = cgomemory.places(chain)
    layouts = {
        mode: {row.thing: (row.permissions, row.behind) for row in rows if row.mode == mode}
        for mode in MODES
    }
    assert layouts["internal"] == layouts["external"]
    own = layouts["external"]
    assert own["C variable"] == own["Go variable"] == ("rw-p", "cgomemory")
    assert own["C function"][0] == own["Go function"][0] == "r-xp"
    assert own["goroutine stack"] == own["object of Go"] == ("rw-p", "no file")
    assert own["C stack"][1] == "[stack]"
    assert own["block of malloc"][1] == "[heap]"
    figure = address_space(rows.to_dicts())
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == list(MODES)


def test_each_language_writes_to_the_other(chain: Toolchain) -> None:
    saw = {(row.mode, row.what): row.saw for row in cgomemory.tries(chain)}
    written = {key: value for key, value in saw.items() if "writes" in key[1]}
    assert len(written) == 5 * len(MODES)
    assert set(written.values()) == {"42"}
    for mode in MODES:
        assert saw[mode, "collected while C points to it"] == "true"
        assert saw[mode, "collected while Go points to it"] == "false"
        assert saw[mode, "the same address"] == "true"


def test_the_variable_on_a_goroutines_stack_is_there(chain: Toolchain) -> None:
    done = subprocess.run(
        [str(chain.go), "build", "-gcflags=-m", "-o", "/dev/null", "."],
        cwd=find_program(cgomemory.PROGRAM).folder,
        env=chain.environment(cgo=True),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "main.go" in done.stderr
    assert "moved to heap: onStack" not in done.stderr


def test_what_is_forgotten_stays_and_what_is_freed_goes(chain: Toolchain) -> None:
    rows = cgomemory.leaks(chain, blocks=128)
    assert {(row.mode, row.way) for row in rows} == {
        (mode, way) for mode in MODES for way in cgomemory.WAYS
    }
    for row in rows:
        assert row.status == 0
        assert row.asked_bytes == 128 * 65536
        assert row.left > 0.9 if row.way == "keep" else row.left < 0.5, row
    assert all(row.collections == 0 for row in rows if row.way == "keep")
    panel = leak_bars(rows.to_dicts()).axes[0]
    assert len(panel.patches) == len(rows)


def test_a_block_freed_twice_ends_the_program(chain: Toolchain) -> None:
    for row in cgomemory.freed_twice(chain):
        assert row.what.startswith("ends by SIG"), row


def test_no_linker_minds_a_missing_free(chain: Toolchain) -> None:
    rows = cgomemory.links_without_free(chain)
    assert [row.mode for row in rows] == ["internal", "external"]
    assert {row.saw for row in rows} == {"nothing"}


def test_a_function_in_a_header_is_defined_in_each_file(chain: Toolchain) -> None:
    said = cgomemory.function_in_two_files(chain).saw
    assert "safe_malloc" in said
    assert "multiple definition" in said or "duplicate symbol" in said
    assert "/" not in said


def test_a_program_that_fails_is_told(chain: Toolchain) -> None:
    path = cgomemory.files(chain)["internal"]
    with pytest.raises(LabError, match=r"cgomemory twice ended with status"):
        cgomemory._said(path, "twice")
