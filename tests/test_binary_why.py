from itertools import pairwise
from pathlib import Path

import pytest

from labhelpers.binary.why import REFLECTION, dumpdep, parse_dump, why_linked
from labhelpers.build import BuildConfig
from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.programs import Program, find_program
from labhelpers.toolchain import Toolchain, toolchain

TRIM = find_config("trim")
PRINTED = """# example.org/app
_ -> _rt0_amd64_linux
_ -> main.main
_rt0_amd64_linux -> runtime.main
main.main -> lib.Use
lib.Use -> go:string."a -> b"
lib.Use -> type:*lib.T <UsedInIface>
type:*lib.T <UsedInIface> -> lib.(*T).M <ReflectMethod>
lib.(*T).M <ReflectMethod> -> far.Away
main.main -> far/away.Near
go: some other line
"""


def symbols(target: str, text: str = PRINTED) -> list[str]:
    found = why_linked(text, target)
    assert found
    return [step.symbol for step in found.steps]


def test_the_chain_goes_from_a_root_to_the_symbol() -> None:
    assert symbols("far.Away") == ["main.main", "lib.Use", "type:*lib.T", "lib.(*T).M", "far.Away"]
    assert symbols("main.main") == ["main.main"]


def test_a_package_is_reached_by_its_nearest_symbol() -> None:
    found = why_linked(PRINTED, "lib")
    assert found
    assert [step.symbol for step in found.steps] == ["main.main", "lib.Use"]
    assert found.symbols == 2
    assert symbols("far/away") == ["main.main", "far/away.Near"]


def test_a_package_of_which_only_types_are_there() -> None:
    text = "_ -> main.main\nmain.main -> type:*only.T <UsedInIface>\n"
    assert symbols("only", text) == ["main.main", "type:*only.T"]


def test_tables_beside_code_and_initialisation_are_the_last_reasons() -> None:
    text = "_ -> main.main\n_ -> go:main.inittasks\ngo:main.inittasks -> far..inittask\n"
    assert symbols("far", text) == ["go:main.inittasks", "far..inittask"]
    text += "main.main -> near.Call\nnear.Call -> far.Call\nmain.main -> far.f.arginfo1\n"
    assert symbols("far", text) == ["main.main", "near.Call", "far.Call"]


def test_flags_belong_to_the_symbol_and_not_to_its_name() -> None:
    found = why_linked(PRINTED, "far")
    assert found
    flags = {step.symbol: step.flags for step in found.steps}
    assert flags["type:*lib.T"] == ("UsedInIface",)
    assert flags["lib.(*T).M"] == ("ReflectMethod",)
    assert REFLECTION in found.limits
    assert parse_dump(PRINTED).first_reflect_method == "lib.(*T).M"


def test_an_arrow_in_a_string_does_not_divide_the_line() -> None:
    assert symbols('go:string."a -> b"') == ["main.main", "lib.Use", 'go:string."a -> b"']


def test_nothing_for_what_is_not_there() -> None:
    assert why_linked(PRINTED, "net/http") is None


def test_the_chain_is_printed_as_steps() -> None:
    found = why_linked(PRINTED, "lib.(*T).M")
    assert str(found).splitlines() == [
        "main.main",
        "  lib.Use",
        "    type:*lib.T <UsedInIface>",
        "      lib.(*T).M <ReflectMethod>",
    ]


@pytest.mark.parametrize("release", ["current", "article"])
def test_a_real_program(release: str) -> None:
    dump = parse_dump(dumpdep(find_program("hello"), TRIM, toolchain(release)))
    found = why_linked(dump, "fmt")
    assert found
    names = [step.symbol for step in found.steps]
    assert "main.main" in names
    assert found.steps[-1].package == "fmt"
    assert len(found.limits) == 2
    assert why_linked(dump, "net") is None
    # Every step was printed as reached by the one before it.
    for before, after in pairwise(names):
        assert before in dump.parents[after]


def write(folder: Path, body: str) -> Program:
    (folder / "go.mod").write_text("module example.org/app\n\ngo 1.21\n")
    (folder / "main.go").write_text(body)
    return Program("app", folder)


@pytest.mark.parametrize("release", ["current", "article"])
def test_reflection_that_keeps_methods_is_named(release: str, tmp_path: Path) -> None:
    program = write(
        tmp_path,
        'package main\n\nimport (\n\t"os"\n\t"reflect"\n)\n\ntype T struct{}\n\n'
        "func (T) Kept() {}\n\nfunc look(v any, name string) bool {\n"
        "\treturn reflect.ValueOf(v).MethodByName(name).IsValid()\n}\n\n"
        "func main() { println(look(T{}, os.Args[0])) }\n",
    )
    dump = parse_dump(dumpdep(program, BuildConfig(cgo=False, gcflags="-l"), toolchain(release)))
    assert dump.first_reflect_method == "main.look"
    kept = why_linked(dump, "main.T.Kept")
    assert kept


def test_what_cannot_be_built_is_said(current_go: Toolchain, tmp_path: Path) -> None:
    program = write(tmp_path, "package main\n\nfunc main() { undefined() }\n")
    with pytest.raises(LabError, match=r"app could not be built .*undefined: undefined"):
        dumpdep(program, TRIM, current_go)
