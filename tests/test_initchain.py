"""The runtime's order, read from the real sources of two releases."""

from collections import Counter
from itertools import pairwise

import pytest

from labhelpers.experiments.initchain import (
    ARTICLE,
    Link,
    against,
    called_in,
    chain,
    changes,
    defined,
    demands,
    entry_code,
    mentioned,
    merged,
    uses,
)
from labhelpers.runtime.overlay import source
from labhelpers.toolchain import Toolchain, toolchain


@pytest.fixture(scope="module")
def article_go() -> Toolchain:
    return toolchain("article")


@pytest.fixture(params=["article", "current"])
def any_go(request: pytest.FixtureRequest) -> Toolchain:
    return toolchain(request.param)


def test_every_step_stands_where_the_chain_says(any_go: Toolchain) -> None:
    for link in chain(any_go):
        file, _, number = link.source.partition(":")
        text = source(any_go, file).splitlines()
        word = link.step.partition(" (")[0].partition("(")[0].rpartition(".")[2]
        if link.function == "schedinit" and word not in ("lockInit", "init"):
            block = "\n".join(text[int(number) - 1 : int(number) + 22])
            assert word in block, link


def test_the_chain_is_in_the_order_of_the_text(any_go: Toolchain) -> None:
    for function in ("schedinit", "runtime.main"):
        lines = [int(x.source.partition(":")[2]) for x in chain(any_go) if x.function == function]
        assert lines == sorted(lines)
        assert len(lines) > 5


def test_the_article_s_chain_is_not_the_true_one(any_go: Toolchain) -> None:
    rows = {row.step: row for row in against(any_go)}
    assert list(rows) == list(ARTICLE)
    assert rows["mfixalloc_init"].position is None
    assert not rows["mfixalloc_init"].defined
    assert rows["stackinit"].called_by == rows["mallocinit"].called_by == "schedinit"
    assert rows["schedinit"].called_by == "rt0_go"
    places = {step: row.position or 0 for step, row in rows.items()}
    assert places["rt0_go"] < places["schedinit"] < places["stackinit"] < places["mallocinit"]
    assert places["mallocinit"] < places["sysmon"]


def test_uses_and_definitions(any_go: Toolchain) -> None:
    assert {use.caller for use in uses(any_go, "procresize")} == {
        "schedinit",
        "startTheWorldWithSema",
    }
    assert [use.caller for use in uses(any_go, "sysmon")] == ["main"]
    (where,) = defined(any_go, "mallocinit")
    file, _, number = where.partition(":")
    assert source(any_go, file).splitlines()[int(number) - 1].startswith("func mallocinit(")
    assert where in mentioned(any_go, "mallocinit")
    assert mentioned(any_go, "mfixalloc_init") == []


def test_what_a_function_calls(any_go: Toolchain) -> None:
    inside = called_in(any_go, "runtime/proc.go", "sysmon")
    assert {"nanotime", "usleep", "retake"} <= set(inside)
    assert "osyield" not in inside
    assert called_in(any_go, "runtime/proc.go", "noSuchFunction") == []


def test_demands_are_found_and_kept(any_go: Toolchain) -> None:
    found = demands(any_go)
    assert any(row.step == "cpuinit" for row in found)
    assert all(row.holds for row in found)


def test_the_entry_s_instructions(any_go: Toolchain) -> None:
    code = entry_code(any_go)
    calls = [line.partition("runtime·")[2] for line in code if line.startswith("CALL runtime·")]
    names = [call.removesuffix("(SB)") for call in calls if call != "abort(SB)"]
    assert names == ["settls", "check", "args", "osinit", "schedinit", "newproc", "mstart"]
    assert code.count("CPUID") == 2


def links(go: str, *steps: str) -> list[Link]:
    return [Link(go, number, "schedinit", step, "") for number, step in enumerate(steps, 1)]


def test_changes_between_chains() -> None:
    found = changes([links("1", "a", "b", "c", "d"), links("2", "c", "a", "b", "e")])
    assert [(row.go, row.change, row.step) for row in found] == [
        ("2", "removed", "d"),
        ("2", "added", "e"),
        ("2", "moved", "c"),
    ]
    assert changes([links("1", "a", "b"), links("2", "a", "b")]) == []


def test_merged_keeps_the_last_order_and_every_step_once() -> None:
    chains = [[("f", x) for x in steps] for steps in ("axb", "abyc", "cab")]
    order = merged(chains)
    assert [step for _, step in order] == ["c", "a", "x", "b", "y"]
    assert max(Counter(order).values()) == 1


@pytest.mark.parametrize("function", ["schedinit", "runtime.main"])
def test_real_changes_lead_from_one_chain_to_the_next(
    article_go: Toolchain, current_go: Toolchain, function: str
) -> None:
    old, new = chain(article_go), chain(current_go)
    for before, after in pairwise([old, new]):
        found = [row for row in changes([before, after]) if row.function == function]
        steps = {row.step for row in before if row.function == function}
        steps -= {row.step for row in found if row.change == "removed"}
        steps |= {row.step for row in found if row.change == "added"}
        assert steps == {row.step for row in after if row.function == function}
