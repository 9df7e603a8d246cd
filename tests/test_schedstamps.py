import os
from hashlib import sha256

import pytest

from labhelpers.experiments.schedstamps import (
    EDITS,
    SNAPSHOT,
    STAMPS,
    add,
    lines,
    overlay_for,
    stamped,
)
from labhelpers.experiments.turns import Talker, say
from labhelpers.programs import find_program
from labhelpers.runtime.overlay import MissingAnchor, source
from labhelpers.toolchain import Toolchain, toolchain

RELEASES = ["article", "current"]
if os.environ.get("GOLAB_MATRIX") == "all":
    RELEASES += ["1.21.13", "1.23.9", "1.24.11", "1.25.5", "1.26.6"]
PLACE = ("runtime/proc.go", "9.9")


@pytest.mark.parametrize("release", RELEASES)
def test_every_release_is_stamped_and_runs(release: str) -> None:
    chain = toolchain(release)
    words = (stamped(find_program("maxprocs"), chain), "8", "1", "8")
    said = say(Talker("maxprocs", words, {"GOMAXPROCS": "1", **SNAPSHOT, **STAMPS}))
    assert said.status == 0, said.err
    found = list(lines(said.err))
    kinds = {line.kind for line in found}
    assert kinds == {"P", "M", "G", "stamp", "once", "call"}
    calls = [[int(word) for word in line.words] for line in found if line.kind == "call"]
    assert [call[:2] for call in calls] == [[0, 1], [1, 8], [8, 1], [1, 8]]
    for boot in (call[2:] for call in calls[:1]):
        assert boot[0] == boot[1] == 0
        assert sorted(boot[2:6]) == boot[2:6]
        assert min(boot[2:6]) > 0
    for stamps in (call[2:] for call in calls[1:]):
        assert min(stamps) > 0
        assert sorted(stamps) == stamps


def test_stamps_and_list_are_printed_on_demand_only(current_go: Toolchain) -> None:
    file = stamped(find_program("hello"), current_go)
    plain, stamps, seen = (
        say(Talker("hello", (file,), environment)) for environment in ({}, STAMPS, SNAPSHOT)
    )
    assert (plain.out, plain.err) == ("hello\n", "")
    assert {line.kind for line in lines(stamps.err)} == {"stamp", "once", "call"}
    assert {line.kind for line in lines(seen.err)} == {"P", "M", "G"}


def test_goroot_stays_as_it_is(current_go: Toolchain) -> None:
    def digests() -> list[str]:
        files = [*EDITS, "runtime/proc.go"]
        return [sha256(source(current_go, file).encode()).hexdigest() for file in files]

    before = digests()
    changed = dict(overlay_for(current_go))
    assert digests() == before
    for file in EDITS:
        assert changed[file] != source(current_go, file)
    assert not (current_go.goroot / "src" / "runtime" / "golab_sched.go").exists()


def test_only_what_the_release_has_is_asked_for() -> None:
    old = dict(overlay_for(toolchain("article")))["runtime/proc.go"]
    new = dict(overlay_for(toolchain("current")))["runtime/proc.go"]
    assert "golabOnce(9)" not in old
    assert "golabOnce(9)" in new


def test_a_statement_lands_beside_its_line_in_its_function() -> None:
    text = "func a() {\n\tcall()\n}\n\nfunc b() {\n\tfirst()\n\tcall()\n}\n"
    before = add(text, PLACE, "b", r"call\(", "before", "new()")
    assert before == text.replace("first()\n", "first()\n\tnew()\n")
    after = add(text, PLACE, "b", r"call\(", "after", "new()")
    assert after == text.replace("first()\n\tcall()\n", "first()\n\tcall()\n\tnew()\n")


@pytest.mark.parametrize("body", ["other()", "call()\n\tcall()"])
def test_a_line_that_is_not_there_once_is_named(body: str) -> None:
    with pytest.raises(MissingAnchor, match=r"Go 9\.9 has no single line 'call.*function b of"):
        add(f"func b() {{\n\t{body}\n}}\n", PLACE, "b", r"call\(", "after", "x()")


def test_a_function_that_is_not_there_is_named(current_go: Toolchain) -> None:
    text = source(current_go, "runtime/proc.go").replace("func procresize(", "func resize(")
    with pytest.raises(MissingAnchor, match="procresize"):
        add(text, PLACE, "procresize", "gp := getg", "before", "x()")
