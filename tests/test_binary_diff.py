"""The difference of two files sums exactly, and the same thing has the same name in both."""

import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from labhelpers.binary.anatomy import Anatomy, anatomy
from labhelpers.binary.diff import Delta, Diff, diff, same_name
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.table import Table
from labhelpers.toolchain import toolchain


def built(program: str | Path, config: str = "default", go: str = "current") -> Anatomy:
    binary = build(find_program(program), find_config(config), toolchain(go))
    assert binary.path, binary.log
    return anatomy(binary.path)


def row(table: Table[Delta], name: str) -> Delta:
    (found,) = [delta for delta in table if delta.name == name]
    return found


def sizes(own: Anatomy) -> dict[str, int]:
    """Return the sections' sizes as pyelftools has them."""
    with own.path.open("rb") as stream:
        sections = ELFFile(stream).iter_sections()
        return {s.name: s["sh_size"] for s in sections if s["sh_type"] != "SHT_NOBITS"}


def check_sums(found: Diff) -> None:
    assert found.bytes == found.b.file_bytes - found.a.file_bytes
    for table in (found.sections, found.packages, found.symbols):
        assert sum(delta.before for delta in table) == found.a.file_bytes
        assert sum(delta.after for delta in table) == found.b.file_bytes
        assert sum(delta.delta for delta in table) == found.bytes
        assert all(delta.delta == delta.after - delta.before for delta in table)
        assert len({delta.name for delta in table}) == len(table)
        changes = [abs(delta.delta) for delta in table]
        assert changes == sorted(changes, reverse=True)


PAIRS = [
    (("hello",), ("hello", "strip")),
    (("hello", "default", "article"), ("hello",)),
    (("hello",), ("hello", "pie")),
    (("hello",), ("httpd",)),
    (("hello", "strip"), ("hello", "strip", "article")),
]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_every_table_sums_to_the_difference(
    before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    a, b = built(*before), built(*after)
    check_sums(diff(a, b))
    there, back = diff(a, b), diff(b, a)
    assert back.bytes == -there.bytes
    for one, other in ((there.sections, back.sections), (there.symbols, back.symbols)):
        assert {d.name: d.delta for d in one} == {d.name: -d.delta for d in other}


def test_a_program_that_is_not_go() -> None:
    python = anatomy(Path(sys.executable).resolve())
    check_sums(diff(python, built("hello")))


def test_a_file_and_itself() -> None:
    own = built("hello")
    found = diff(own, own)
    check_sums(found)
    assert found.bytes == 0
    assert not any(d.delta for d in (*found.sections, *found.packages, *found.symbols))
    assert found.as_dict() == {"bytes": 0, "sections": [], "packages": [], "symbols": []}


def test_sections_agree_with_another_reader() -> None:
    found = diff(built("hello", go="article"), built("hello"))
    before, after = sizes(found.a), sizes(found.b)
    names = {delta.name for delta in found.sections} - {"headers", "padding"}
    assert names == {name for name in {*before, *after} if before.get(name) or after.get(name)}
    for name in names:
        delta = row(found.sections, name)
        assert (delta.before, delta.after) == (before.get(name, 0), after.get(name, 0)), name


def test_stripping_takes_symbols_and_debug_data_and_leaves_code() -> None:
    found = diff(built("hello"), built("hello", "strip"))
    gone = {delta.name for delta in found.sections if delta.before and not delta.after}
    assert {".symtab", ".strtab", ".debug_info", ".debug_line"} <= gone
    assert all(name in (".symtab", ".strtab") or name.startswith(".debug_") for name in gone)
    for name in (".text", ".gopclntab", ".rodata"):
        assert row(found.sections, name).delta == 0
    # Functions keep their names, for the function table has them.
    assert row(found.symbols, "main.main").delta == 0
    assert row(found.symbols, "main.main").before > 0


def test_a_position_independent_program_has_the_same_symbols() -> None:
    found = diff(built("hello"), built("hello", "pie"))
    assert row(found.sections, ".data.rel.ro.go.type").before == 0
    assert row(found.symbols, ".go.type types").delta == 0
    assert row(found.symbols, ".rela").delta > 0


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("main.main", "main.main"),
        ("main.main.func1", "main.main.funcN"),
        ("main.main.func12.3.1", "main.main.funcN"),
        ("main.main.func1.gowrap2", "main.main.funcN.gowrapN"),
        ("main.main.deferwrap1", "main.main.deferwrapN"),
        ("main.init.0", "main.init.N"),
        ("main..stmp_17", "main..stmp_N"),
        ("slices.All[go.shape.int].func1", "slices.All[go.shape.int].funcN"),
        ("main.walk-range1", "main.walk-rangeN"),
        ("runtime.memmove.abi0", "runtime.memmove"),
        ("main.function2", "main.function2"),
        ("main.Version1.func", "main.Version1.func"),
        ("net.func1000000", "net.funcN"),
        ("crypto/md5.block", "crypto/md5.block"),
    ],
)
def test_what_is_counted_has_one_name(name: str, same: str) -> None:
    assert same_name(name) == same


def test_one_closure_more_renames_nothing(tmp_path: Path) -> None:
    closures = ['func() { println("a") }', 'func() { println("b", len(os.Args)) }']
    found = []
    for name, body in (("one", closures[1:]), ("two", closures)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "go.mod").write_text("module example.org/closures\n\ngo 1.21\n")
        calls = "\n".join(f"\trun = append(run, {closure})" for closure in body)
        (folder / "main.go").write_text(
            'package main\n\nimport "os"\n\nvar run []func()\n\nfunc main() {\n'
            f"{calls}\n\tfor _, f := range run {{\n\t\tf()\n\t}}\n}}\n"
        )
        found.append(built(folder))
    compared = diff(*found)
    check_sums(compared)
    assert "main.main.func2" in found[1].functions.names  # type: ignore[union-attr]
    own = [delta for delta in compared.symbols if delta.name.startswith("main.main.func")]
    assert [delta.name for delta in own] == ["main.main.funcN"]
    assert own[0].after > own[0].before > 0


def test_tables_become_frames() -> None:
    frame = diff(built("hello"), built("hello", "strip")).sections.to_frame()
    assert list(frame.columns) == ["name", "before", "after", "delta"]
    assert frame["delta"].sum() == frame["after"].sum() - frame["before"].sum()
