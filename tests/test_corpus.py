"""The corpus: what its file says, runs over it, and that the record bears out what it says."""

import gzip
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import labhelpers.corpus as corpus
from labhelpers.advice.choose import ratios
from labhelpers.corpus import (
    Entry,
    load_corpus,
    load_recorded_answer,
    load_recorded_corpus,
    parse_until,
    recorded_names,
    run_corpus,
    summaries,
    without_paths,
)
from labhelpers.errors import LabError, Stopped
from labhelpers.recorded import data_folder
from labhelpers.show.corpus_text import corpus_text, list_text
from labhelpers.startup.until import Exit, FirstByte, Http, Tcp
from labhelpers.study import BASELINE
from labhelpers.toolchain import Toolchain

GOOD = """
[[program]]
name = "one"
package = "example.com/one"
version = "v1.0.0"
what = "does one thing"
"""
MODULE = "golab.example/corpus"
FILES = {
    "go.mod": f"module {MODULE}\n\ngo 1.21\n",
    "cmd/quick/main.go": "package main\n\nfunc main() {}\n",
    "cmd/broken/main.go": "package main\n\nfunc main() { missing() }\n",
    "cmd/fails/main.go": 'package main\n\nfunc main() { panic("not today") }\n',
    "lib/lib.go": "package lib\n",
}
REVISION = sha256(json.dumps(FILES).encode()).hexdigest()[:12]
RELEASE = f"v0.0.0-20240101000000-{REVISION}"
"""Of the test's module: the module cache keeps a version for ever, so it follows the content."""


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that takes the place of data/recorded, beside a small corpus.toml."""
    folder = tmp_path / "data" / "recorded"
    folder.mkdir(parents=True)
    (folder.parent / "corpus.toml").write_text(GOOD)
    monkeypatch.setattr(corpus, "data_folder", lambda: folder)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing of it."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve the test's module as a module proxy does (`go help goproxy`)."""
    folder = tmp_path / "proxy" / MODULE / "@v"
    folder.mkdir(parents=True)
    (folder / f"{RELEASE}.info").write_text(
        json.dumps({"Version": RELEASE, "Time": "2024-01-01T00:00:00Z"})
    )
    (folder / f"{RELEASE}.mod").write_text(FILES["go.mod"])
    with zipfile.ZipFile(folder / f"{RELEASE}.zip", "w") as archive:
        for name, text in FILES.items():
            archive.writestr(f"{MODULE}@{RELEASE}/{name}", text)
    handler = partial(Quiet, directory=tmp_path / "proxy")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("GOPROXY", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("GONOSUMDB", MODULE)
        yield
        server.shutdown()


def entry(name: str, package: str = "", version: str = RELEASE) -> Entry:
    return Entry(name, package or f"{MODULE}/cmd/{name}", version, "a test's program")


# What the file says


def test_the_corpus_is_large_enough_and_pinned() -> None:
    entries = load_corpus()
    assert len(entries) >= 8
    assert len({entry.wanted for entry in entries}) == len(entries)


def test_servers_of_the_corpus_listen_where_they_are_asked_and_apart() -> None:
    ports = [
        (entry, entry.until.port) for entry in load_corpus() if isinstance(entry.until, Tcp | Http)
    ]
    assert len({port for _, port in ports}) == len(ports) >= 3
    for entry, port in ports:
        assert str(port) in " ".join(entry.arguments), entry.name
        assert isinstance(entry.until, Tcp | Http)
        assert entry.until.host == "127.0.0.1", entry.name


def test_programs_are_found_by_name_in_the_order_of_the_file() -> None:
    names = [entry.name for entry in load_corpus()]
    assert [entry.name for entry in load_corpus([names[4], names[1]])] == [names[1], names[4]]
    with pytest.raises(LabError, match=r"no program named 'gh' in the corpus: take one of shfmt"):
        load_corpus(["gh"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[program", "cannot be read"),
        ("program = 3", r"must hold tables named \[\[program\]\]"),
        ("[[program]]\nname = '../x'", r"Program 1 of corpus.toml has no good name \('../x'\)"),
        (GOOD + 'color = "red"', "one in corpus.toml has the unknown key 'color'"),
        (GOOD.replace('what = "does one thing"', ""), "has no what: add one"),
        (GOOD.replace("v1.0.0", "latest"), "has the version 'latest': write a whole one"),
        (GOOD.replace("v1.0.0", "v1"), "has the version 'v1': write a whole one"),
        (GOOD + "args = 'version'", "has args that are no list of words"),
        (GOOD + "args = [1]", "has args that are no list of words"),
        (GOOD + "env = { A = 1 }", "has an env that is no table of words"),
        (GOOD + "ready = 'soon'", "'soon' is not a moment"),
        (GOOD + "ready = 'tcp 70000'", "'70000' is no port"),
        (GOOD + GOOD, "two programs named one"),
    ],
)
def test_a_bad_file_is_said_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "corpus.toml"
    file.write_text(text)
    with pytest.raises(LabError, match=said) as caught:
        load_corpus(file=file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"corpus.toml cannot be read"):
        load_corpus(file=tmp_path / "corpus.toml")


def test_an_entry_says_how_to_start_it(tmp_path: Path) -> None:
    file = tmp_path / "corpus.toml"
    more = 'args = ["serve", "-q"]\nenv = { QUIET = "1" }\nready = "tcp 127.0.0.1:9"'
    file.write_text(GOOD + more)
    (found,) = load_corpus(file=file)
    assert found.wanted == "example.com/one@v1.0.0"
    assert (found.arguments, found.variables) == (("serve", "-q"), {"QUIET": "1"})
    assert found.until == Tcp("127.0.0.1", 9)


def test_moments_are_read() -> None:
    assert parse_until("exit") == Exit()
    assert parse_until("first-byte") == FirstByte()
    assert parse_until("tcp 127.0.0.1:80") == Tcp("127.0.0.1", 80)
    assert parse_until("http http://127.0.0.1:80/x") == Http(
        "http://127.0.0.1:80/x", "127.0.0.1", 80
    )


# Runs


@pytest.mark.usefixtures("proxy")
def test_a_run_goes_on_and_keeps_what_it_found(records: Path, current_go: Toolchain) -> None:
    entries = [
        entry("absent", version="v9.9.9"),
        entry("broken"),
        entry("fails"),
        entry("library", f"{MODULE}/lib"),
        entry("quick"),
    ]
    answers, failures = run_corpus(entries, rounds=12, seed=1, record=True)

    assert [answer.program for answer in answers] == ["quick"], failures
    assert list(failures) == ["absent", "broken", "fails", "library"]
    assert "v9.9.9" in failures["absent"]
    assert "missing" in failures["broken"]
    assert "not today" in failures["fails"]
    assert "no main package" in failures["library"] or "is a library" in failures["library"]
    assert not [why for why in failures.values() if "\n" in why]

    assert sorted(p.name for p in records.iterdir()) == ["corpus-quick.csv.gz", "corpus-quick.json"]
    loaded, source = load_recorded_answer("quick")
    assert json.dumps(loaded.steps.to_dicts()) == json.dumps(answers[0].steps.to_dicts())
    assert loaded.launches == answers[0].launches
    assert loaded.recommended == answers[0].recommended
    assert source["command"] == "golab corpus quick --record"
    assert source["source"]["module"] == MODULE
    assert source["source"]["sum"].startswith("h1:")
    assert source["source"]["go_mod_verify"] == "all modules verified"

    text = corpus_text(answers)
    assert "quick" in text
    assert max(map(len, text.splitlines())) <= 110
    assert re.search(r"(?m)^one +no +example.com/one@v1.0.0$", list_text(load_corpus()))
    assert [row.program for row in summaries()] == ["quick"]


def test_a_stopped_run_ends(records: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        run_corpus([entry("quick")], rounds=12, record=True, stop=stop)
    assert not list(records.iterdir())


@pytest.mark.usefixtures("records")
def test_a_record_that_is_not_there_is_said() -> None:
    with pytest.raises(LabError, match="no record of a program 'one': there are none"):
        load_recorded_answer("one")
    assert load_recorded_corpus() == []


def test_no_path_of_this_machine_is_kept(current_go: Toolchain) -> None:
    own = current_go.environment()
    text = f"{own['GOMODCACHE']}/a {current_go.goroot}/src {own['HOME']}/b {own['HOME']}-not"
    kept = without_paths(
        f"{text} /tmp/go-link-123/go.o /x/y/go-build4/b001 /tmp/go-build/c", current_go
    )
    assert (
        kept
        == f"GOMODCACHE/a GOROOT/src HOME/b {own['HOME']}-not go-link/go.o go-build/b001 go-build/c"
    )


# The record


def test_the_record_is_large_enough() -> None:
    assert len(recorded_names()) >= 8
    assert not set(recorded_names()).difference(entry.name for entry in load_corpus())


@pytest.mark.parametrize("name", recorded_names())
def test_a_record_follows_from_its_launches(name: str) -> None:
    answer, source = load_recorded_answer(name)
    (own,) = load_corpus([name])
    assert answer.package == own.wanted
    assert source["source"]["version"] == own.version
    assert tuple(source["entry"]["arguments"]) == own.arguments
    assert answer.until == str(own.until)
    assert set(answer.launches) == {"warm", "cold"}
    measured = [step for step in answer.steps if step.warm]
    assert len(measured) >= 5
    for step in measured:
        found = ratios(answer.launches, BASELINE, step.step, answer.seed)
        assert (found["warm"], found["cold"]) == (step.warm, step.cold), step.step


@pytest.mark.parametrize("name", recorded_names())
def test_a_record_is_small_and_names_no_folder(name: str) -> None:
    files = [data_folder() / f"corpus-{name}{end}" for end in (".json", ".csv.gz")]
    assert sum(file.stat().st_size for file in files) < 150_000
    table = gzip.decompress(files[1].read_bytes()).decode()
    for text in (files[0].read_text(), table):
        assert not re.findall(r"(?<![\w.}-])/(?:root|home|tmp|work|Users)/\S*", text)


def test_a_table_of_launches_has_a_row_a_start() -> None:
    for name in recorded_names():
        answer, _ = load_recorded_answer(name)
        with gzip.open(data_folder() / f"corpus-{name}.csv.gz", "rt") as stream:
            rows = len(io.StringIO(stream.read()).readlines()) - 1
        assert rows == sum(map(len, answer.launches.values()))
        assert all(len(own) % answer.rounds == 0 for own in answer.launches.values())
