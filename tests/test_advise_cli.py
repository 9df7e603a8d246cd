"""`golab advise`, `golab cgo` and `golab corpus` as typed."""

import json
import re
from pathlib import Path

import pytest
from test_cli import golab


def test_advise_prints_the_answer_first_and_writes_json_and_a_page(tmp_path: Path) -> None:
    result, page = tmp_path / "it.json", tmp_path / "it.html"
    asked = ["advise", "hello", "--rounds", "12", "--cache", "warm", "--seed", "1"]
    done = golab(*asked, "--json", str(result), "--html", str(page))
    assert done.returncode == 0, done.stderr
    document = json.loads(result.read_text())
    assert document["schema"] == "golab/advise/1"
    assert document["rounds"] == 12
    assert {row["cache"] for row in document["launches"]} == {"warm"}
    command = document["recommended"]["command"]
    assert command in done.stdout
    assert command.replace("'", "&#x27;") in page.read_text() or command in page.read_text()
    again = golab(*asked, "--html", str(page))
    assert again.returncode == 2
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nosuch"], "There is no program named 'nosuch'"),
        (["hello", "--ready-tcp", "x"], "'x' is no port"),
        (["hello", "--ready-http", "localhost"], "'localhost' cannot be asked"),
        (["hello", "--ready-tcp", "80", "--first-byte"], "A start has one end"),
        (["hello", "--env", "X"], "'X' is no variable: write --env NAME=VALUE"),
        (["hello", "--folder", "nosuch"], "There is no folder nosuch"),
        (["hello", "--args", "'"], "cannot be read"),
        (["hello", "--cache", "hot"], "There is no cache state 'hot'"),
        (["hello", "--rounds", "6"], "take at least 12"),
        (["hello", "--go", "x"], "'x' is no Go release"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(words: list[str], expected: str) -> None:
    done = golab("advise", *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_cgo_says_who_brings_it_in_and_what_removes_it() -> None:
    done = golab("cgo", "netuser", "--no-builds")
    assert done.returncode == 0, done.stderr
    assert re.search(r"golab/netuser → net\b", done.stdout)
    document = json.loads(golab("cgo", "hello", "--no-builds", "--json", "-").stdout)
    assert document["schema"] == "golab/cgo/1"
    assert document["causes"] == []


def test_corpus_lists_its_programs_without_building_any() -> None:
    done = golab("corpus", "--list")
    assert done.returncode == 0, done.stderr
    assert "caddy" in done.stdout
    refused = golab("corpus", "nosuch")
    assert refused.returncode == 2
    assert "There is no program named 'nosuch' in the corpus" in refused.stderr
