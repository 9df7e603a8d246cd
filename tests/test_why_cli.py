"""`golab why` as people type it."""

from typing import Any

from test_cli import document, golab, refused


def test_the_chain_goes_from_the_start_to_the_package() -> None:
    done = golab("why", "hello", "fmt")
    assert done.returncode == 0, done.stderr
    chain, _, limits = done.stdout.partition("\n\n")
    first, *_, last = chain.splitlines()
    assert not first.startswith(" ")
    assert last.strip().startswith("fmt.")
    assert "main.main" in chain
    assert "there may be other references" in limits


def test_json_holds_the_steps() -> None:
    found: Any = document(golab("why", "hello", "fmt.Fprintln", "--json", "-"))
    assert found["schema"] == "golab/why/1"
    assert found["steps"][-1]["symbol"] == "fmt.Fprintln"
    assert found["steps"][-1]["package"] == "fmt"
    assert found["limits"]


def test_what_is_not_in_the_program_is_said() -> None:
    said = refused(golab("why", "hello", "net/http"), status=1)
    assert "reached nothing of net/http" in said


def test_an_unknown_program_is_refused() -> None:
    assert "There is no program named 'nosuch'" in refused(golab("why", "nosuch", "fmt"))
