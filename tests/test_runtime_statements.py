"""How the statements of a Go function are told apart."""

from itertools import islice

import pytest

from labhelpers.runtime.overlay import source
from labhelpers.runtime.statements import block, calls, function, line_of, tokens
from labhelpers.toolchain import Toolchain

TRICKY = """package p

// func f() { is not the function
func f(a func(int) string, b interface{ m() }) (n int, err error) {
	one() // with a } in a comment
	two("}", '{', `
}
	raw()
`)
	if x := three(); x != nil {
		four()
	} else {
		five()
	}
	for i := 0; i < 10; i++ {
		six(i)
	}
	switch {
	case seven():
	default:
	}
	a := eight(
		1,
		2,
	) +
		nine()
	go func() {
		ten()
	}()
top:
	x.y.eleven().twelve()
	if (t{}).thirteen() { fourteen(); fifteen() }
	return 1, nil
}

func (h *heap) f() { a(); b() }

func assembly(x int)

func g() {}
"""


def words(name: str) -> list[str]:
    own = function(TRICKY, name)
    assert own
    return [statement.words(TRICKY).split("(")[0] for statement in own.statements]


def test_statements_are_told_apart() -> None:
    assert words("f") == [
        *("one", "two", "if x := three", "for i := 0; i < 10; i++ { six", "switch { case seven"),
        *("a := eight", "go func", "top: x.y.eleven", "if ", "return 1, nil"),
    ]


def test_methods_go_by_their_type() -> None:
    assert words("heap.f") == ["a", "b"]


@pytest.mark.parametrize("name", ["assembly", "nothing", "heap.g", "other.f"])
def test_what_is_not_there_is_none(name: str) -> None:
    assert function(TRICKY, name) is None


def test_results_are_seen() -> None:
    found = {name: function(TRICKY, name) for name in ("f", "heap.f", "g")}
    assert {name: own and own.results for name, own in found.items()} == {
        "f": True,
        "heap.f": False,
        "g": False,
    }


def test_an_empty_function_has_no_statements() -> None:
    assert words("g") == []


def test_a_statement_ends_with_its_line_and_its_comment() -> None:
    own = function(TRICKY, "f")
    assert own
    first = own.statements[0]
    assert TRICKY[: first.line_end].endswith("// with a } in a comment")
    assert line_of(TRICKY, first.begin) == 5


def test_blocks_within_are_split_the_same_way() -> None:
    own = function(TRICKY, "f")
    assert own
    inner = own.statements[-2]
    brace = [token.begin for token in inner.tokens if token.text == "{"][-1]
    assert [part.words(TRICKY) for part in block(TRICKY, brace)] == ["fourteen()", "fifteen()"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("mallocinit()", ["mallocinit"]),
        ("a.b.c(d(1), e)", ["a.b.c", "d"]),
        ("if f() { return }", ["f"]),
        ("x := func() { g() }", ["g"]),
        ("(h)(1)", []),
        ("a().b()", ["a"]),
        ("s[f(1)]", ["f"]),
        ('print("f(x)") // g()', ["print"]),
    ],
)
def test_calls_are_named(text: str, names: list[str]) -> None:
    assert calls(tuple(tokens(text))) == names


def test_every_function_of_the_scheduler_is_read_to_its_end(current_go: Toolchain) -> None:
    text = source(current_go, "runtime/proc.go")
    heads = [line for line in text.splitlines() if line.startswith("func ") and line[5] != "("]
    names = [line[5:].partition("(")[0].partition("[")[0] for line in heads if line[-1] == "{"]
    assert len(names) > 150
    for name in names:
        own = function(text, name)
        if own is None:  # generic
            assert f"func {name}[" in text
            continue
        end = own.statements[-1].line_end if own.statements else own.brace + 1
        after = [token for token in islice(tokens(text, end), 99) if token.text != "\n"]
        assert after[0].text == "}", name
        assert text[after[0].begin - 1 : after[0].end + 1] == "\n}\n", name
