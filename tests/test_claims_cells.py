"""Every claim names the cell with its evidence, and its verdict is computed from that cell."""

import ast
import builtins
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from labhelpers.claims import Claim, load_claims
from labhelpers.evidence import read_evidence, recorded_folder
from labhelpers.measured import Check
from labhelpers.programs import labs_folder

CLAIMS = load_claims()
SET_UP = {"toolchain", "find_program", "Verdicts"}
"""What these return is in nearly every cell: no evidence of anything."""
NO_EVIDENCE = (ast.Import, ast.ImportFrom, ast.FunctionDef)


@dataclass
class Step:
    """A statement at the top of a cell, and the names in it.

    `binds` are those that it sets anew, `changes` those whose value it adds to, `reads` those that
    it takes from the statements before. `texts` are its strings; `typed` the entries of tables
    that are True or False by themselves.
    """

    cell: int
    evident: bool
    texts: set[str]
    typed: list[str]
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)


@dataclass
class Lab:
    """A notebook, and the statements of all its code cells in order."""

    cells: list[dict[str, Any]]
    steps: list[Step]

    def verdict(self, claim: str) -> int:
        """Return which statement judges a claim: the first that names it."""
        return next(i for i, step in enumerate(self.steps) if claim in step.texts)

    def made_by(self, name: str, before: int) -> Iterator[int]:
        """Go through the statements that made the value which a name has there, latest first."""
        for index in range(before - 1, -1, -1):
            step = self.steps[index]
            if name in step.binds | step.changes:
                yield index
            if name in step.binds:
                return

    def origin(self, index: int) -> set[int]:
        """Return the statements from which a statement follows, however far back."""
        found: set[int] = set()
        tried: set[tuple[str, int]] = set()
        new = [(name, index) for name in self.steps[index].reads]
        while new:
            name, before = new.pop()
            if (name, before) in tried:
                continue
            tried.add((name, before))
            for made in self.made_by(name, before):
                step = self.steps[made]
                found.add(made)
                # A function takes its names from where it is called.
                at = made if step.evident else before
                new += [(read, at) for read in step.reads]
        return {made for made in found if self.steps[made].evident}

    def shown(self, cell: int) -> set[int]:
        """Return the statements whose results a cell makes or shows."""
        own = {index for index, step in enumerate(self.steps) if step.cell == cell}
        found = set(own)
        new = [(name, index) for index in own for name in self.steps[index].reads]
        while new:
            name, before = new.pop()
            for made in set(self.made_by(name, before)) - found:
                found.add(made)
                if not self.steps[made].evident:  # a function shows what it reads
                    new += [(read, before) for read in self.steps[made].reads]
        return {made for made in found if self.steps[made].evident}


def test_every_claim_names_its_cell() -> None:
    assert not [claim.id for claim in CLAIMS if not claim.cell]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_s_verdict_follows_from_the_cell_with_its_evidence(claim: Claim) -> None:
    lab = read_lab(claim.lab)
    evidence = [i for i, cell in enumerate(lab.cells) if cell["id"] == claim.cell]
    assert evidence, f"{claim.lab} has no cell {claim.cell}"
    (cell,) = evidence
    assert lab.cells[cell]["cell_type"] == "code"
    assert lab.cells[cell]["outputs"], f"{claim.cell} shows nothing"
    verdict = lab.verdict(claim.id)
    assert cell < lab.steps[verdict].cell, f"{claim.cell} does not stand before the verdict"
    origin = lab.origin(verdict)
    if not origin:  # a check that cannot be made follows from nothing; its name says why
        assert set(recorded(claim.lab)[claim.id].values()) == {None}
        return
    cells = sorted({lab.cells[lab.steps[index].cell]["id"] for index in origin})
    assert origin & lab.shown(cell), f"the verdict comes from {', '.join(cells)}"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_no_check_is_typed_in(claim: Claim) -> None:
    lab = read_lab(claim.lab)
    assert not lab.steps[lab.verdict(claim.id)].typed


def test_an_origin_is_found_through_other_cells_and_no_further() -> None:
    codes = [
        "from lab import measure, show",
        "made, other = measure(1), measure(2)",
        "rows = []",
        "for x in made: rows.append(x)",
        "def held(): return all(rows)",
        "show(other)",
        "made = measure(3)",
        "add('1-a', {'x': held()})",
        "add('1-b', {'x': True, 'y': None})",
    ]
    lab = Lab([], [step for i, code in enumerate(codes) for step in steps_of(i, code)])
    assert lab.verdict("1-a") == 7
    assert lab.origin(7) == {1, 2, 3}
    assert lab.shown(5) == {5, 1}
    assert lab.shown(6) == {6}, "another value by the same name"
    assert lab.steps[8].typed == ["True"]


@cache
def recorded(lab: str) -> Mapping[str, Mapping[str, Check]]:
    evidence = read_evidence(lab, recorded_folder())
    assert evidence is not None
    return evidence.checks


@cache
def read_lab(name: str) -> Lab:
    text = (labs_folder() / f"{name}.ipynb").read_text()
    cells: list[dict[str, Any]] = json.loads(text)["cells"]
    code = {i: cell["source"] for i, cell in enumerate(cells) if cell["cell_type"] == "code"}
    return Lab(cells, [step for i, lines in code.items() for step in steps_of(i, "".join(lines))])


def steps_of(cell: int, source: str) -> Iterator[Step]:
    imported: set[str] = set()
    for node in ast.parse(source).body:
        # What stands in a try is shown to fail: no verdict.
        texts = set() if isinstance(node, ast.Try) else constants(node)
        step = Step(cell, not isinstance(node, NO_EVIDENCE), texts, typed(node))
        if isinstance(node, ast.Assign) and calls(node.value) & SET_UP:
            step.evident = False
        inner: set[str] = set()  # arguments, and what loops run through
        for part in ast.walk(node):
            match part:
                case ast.Name(id=name, ctx=ast.Load()):
                    step.reads.add(name)
                case ast.Name(id=name):
                    step.binds.add(name)
                case ast.alias(name=name, asname=other):
                    step.binds.add(other or name.partition(".")[0])
                case ast.arg(arg=name):
                    inner.add(name)
                case ast.For(target=target) | ast.comprehension(target=target):
                    inner |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
        for part in ast.walk(node):
            match part:
                # Filling a table changes it: checks["x"] = y, checks |= y, texts.append(y)
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                    step.changes.add(name)
                case ast.AugAssign(target=ast.Name(id=name)):
                    step.changes.add(name)
                    step.binds.discard(name)
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
                    step.changes.add(name)
        if isinstance(node, ast.FunctionDef):
            step.reads -= step.binds
            step.binds = {node.name}
        step.reads -= inner | set(dir(builtins))
        step.changes -= imported
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported |= step.binds
        yield step


def constants(node: ast.stmt) -> set[str]:
    nodes = ast.walk(node)
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def calls(node: ast.expr) -> set[str]:
    """Return the functions whose results an expression is: itself, or each of its parts."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    found = [part.func for part in parts if isinstance(part, ast.Call)]
    return {func.id for func in found if isinstance(func, ast.Name)}


def typed(node: ast.stmt) -> list[str]:
    """Return the entries of tables that are True or False by themselves."""
    tables = [inner for inner in ast.walk(node) if isinstance(inner, ast.Dict)]
    values = [value for table in tables for value in table.values]
    found = [v for v in values if isinstance(v, ast.Constant) and isinstance(v.value, bool)]
    return [ast.unparse(value) for value in found]
