"""`golab anatomy` as people type it: the table, JSON, the page, two files, and hostile ones."""

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from helpers import names
from test_cli import document, golab, refused

from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.programs import find_program
from labhelpers.toolchain import toolchain


def built(config: str, program: str = "hello", go: str = "current") -> Path:
    binary = build(find_program(program), find_config(config), toolchain(go))
    assert binary.path, binary.log
    return binary.path


@pytest.fixture(scope="module")
def hello() -> Path:
    return built("default")


@pytest.fixture(scope="module")
def stripped() -> Path:
    return built("strip")


HOSTILE = {
    # Of the same length as what they stand in for, so that the file stays whole.
    b".debug_gdb_scripts\0": b"</script><b>\x1b[31mx\0",
    b"runtime.schedinit\0": b"<img src=x onerr>\0",
    b"main.main\0": "\N{RIGHT-TO-LEFT OVERRIDE}<!--.x\0".encode(),
    b"runtime.mallocinit\0": b'"]}</script><i>.x\0\0',
}


@pytest.fixture(scope="module")
def hostile(hello: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = hello.read_bytes()
    for name, instead in HOSTILE.items():
        assert len(name) == len(instead)
        assert name in raw
        raw = raw.replace(name, instead)
    file = tmp_path_factory.mktemp("hostile") / "<script>alert(1)<script>"
    file.write_bytes(raw)
    return file


class Page(HTMLParser):
    """What a browser would find: elements, texts of scripts, headings, and tables' headers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.ids: dict[str, str] = {}
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "script":
            self.scripts.append("")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        else:
            self.text.append(data)


def lines(text: str, start: str) -> dict[str, list[str]]:
    """Return the lines of the table whose title begins so: first word, other cells."""
    block = next(part for part in text.split("\n\n") if part.startswith(start))
    rows = (re.split(r"\s{2,}", line.strip()) for line in block.splitlines()[1:])
    return {row[0]: row[1:] for row in rows}


def number(text: str) -> int:
    return int(text.replace(",", "").replace("−", "-").replace("±", ""))


def test_the_table_comes_first(hello: Path) -> None:
    done = golab("anatomy", hello, "--top", "5")
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    size = hello.stat().st_size
    facts = done.stdout.partition("\n\n")[0]
    for part in (f"hello, {size:,} bytes", "static Go", "Go 1.27.3", "CGO_ENABLED=1", "x86-64"):
        assert part in facts
    sections = lines(done.stdout, "SECTION")
    assert number(sections["total"][0]) == size
    own = {name: number(cells[0]) for name, cells in sections.items() if name != "total"}
    assert sum(own.values()) == size
    assert sections[".text"][2] == "the instructions"
    packages = lines(done.stdout, "PACKAGE")
    assert len(packages) == 5 + 2
    assert number(packages["total"][0]) == size
    own = {name: number(cells[0]) for name, cells in packages.items() if name != "total"}
    assert sum(own.values()) == size
    assert packages["total"][1] == "100.0 %"


def test_top_shows_all_where_it_may(hello: Path) -> None:
    done = golab("anatomy", hello, "--top", "100000")
    assert "smaller)" not in done.stdout
    own = lines(done.stdout, "PACKAGE")
    total = number(own.pop("total")[0])
    assert sum(number(cells[0]) for cells in own.values()) == total


def test_json_holds_what_others_rely_on(hello: Path) -> None:
    found: dict[str, Any] = document(golab("anatomy", hello, "--json", "-"))
    size = hello.stat().st_size
    assert found["schema"] == "golab/anatomy/1"
    assert found["file_bytes"] == size
    assert found["file"] == str(hello)
    assert "cpu" in found["machine"]
    assert sum(leaf["bytes"] for leaf in found["ledger"]) == size
    assert all(leaf["path"] and isinstance(leaf["path"], list) for leaf in found["ledger"])
    assert sum(row["file_bytes"] for row in found["sections"]) == size
    assert sum(row["bytes"] for row in found["packages"]) == size
    assert found["functions"] > 1000
    linking = found["linking"]
    assert (linking["verdict"], linking["interp"], linking["needed"]) == ("static Go", None, [])
    assert {"fact", "value", "meaning"} == linking["evidence"][0].keys()
    assert "diff" not in found


def test_the_file_is_read_and_never_run_or_changed(tmp_path: Path, hello: Path) -> None:
    file = tmp_path / "no-right-to-run"
    file.write_bytes(hello.read_bytes())
    file.chmod(0o400)
    before = file.stat()
    assert golab("anatomy", "no-right-to-run", folder=tmp_path).returncode == 0
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert names(tmp_path) == ["no-right-to-run"]


def test_dwarf_shared_out_or_not(hello: Path) -> None:
    remainder = "(debugging information)"
    whole: dict[str, Any] = document(golab("anatomy", hello, "--no-dwarf", "--json", "-"))
    shared: dict[str, Any] = document(golab("anatomy", hello, "--json", "-"))
    without = {row["package"]: row for row in whole["packages"]}
    own = {row["package"]: row for row in shared["packages"]}
    assert without[remainder]["bytes"] > 100_000
    assert without["runtime"]["dwarf"] == 0
    assert remainder not in own
    assert own["runtime"]["dwarf"] > own["fmt"]["dwarf"] > 0
    assert own["runtime"]["text"] == without["runtime"]["text"]


# Two files


def test_a_difference(hello: Path, stripped: Path) -> None:
    done = golab("anatomy", hello, "--diff", stripped, "--top", "3")
    assert done.returncode == 0, done.stderr
    change = stripped.stat().st_size - hello.stat().st_size
    for title in ("SECTION", "PACKAGE", "SYMBOL"):
        table = lines(done.stdout, title)
        total = [number(cell) for cell in table.pop("total")]
        assert total == [hello.stat().st_size, stripped.stat().st_size, change]
        assert sum(number(cells[2]) for cells in table.values()) == change
        assert len(table) == 3 + 2
    assert f"{change:,} bytes".replace("-", "−") in done.stdout


def test_a_difference_as_json(hello: Path, stripped: Path) -> None:
    found: dict[str, Any] = document(
        golab("anatomy", hello, "--diff", stripped, "--json", "-", "--no-dwarf")
    )
    change = stripped.stat().st_size - hello.stat().st_size
    assert (found["file"], found["other"]["file"]) == (str(hello), str(stripped))
    assert found["other"]["schema"] == found["schema"] == "golab/anatomy/1"
    assert sum(leaf["bytes"] for leaf in found["other"]["ledger"]) == stripped.stat().st_size
    assert found["diff"]["bytes"] == change
    for name in ("sections", "packages", "symbols"):
        rows = found["diff"][name]
        assert sum(row["delta"] for row in rows) == change
        assert rows[0].keys() == {"name", "before", "after", "delta"}


def test_a_file_and_itself(hello: Path) -> None:
    done = golab("anatomy", hello, "--diff", hello, "--no-dwarf")
    assert done.returncode == 0
    assert "±0 bytes, +0.0 %" in done.stdout


# The page


def test_the_page(tmp_path: Path, hello: Path) -> None:
    done = golab("anatomy", hello, "--html", "page.html", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "golab: wrote page.html\n"
    assert "SECTION" in done.stdout
    assert names(tmp_path) == ["page.html"]
    text = (tmp_path / "page.html").read_text()
    assert len(text.encode()) < 1_000_000
    page = Page(text)
    headings = [tag for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    tables = page.tags.count("table")
    assert tables == page.tags.count("caption") == page.tags.count("thead") == 4
    assert len(page.scripts) == 2
    # Nothing is fetched: no address in any attribute.
    assert not {"src", "href", "onclick", "style"} & set(page.attributes)
    whole = json.loads(page.scripts[0])
    assert whole[0] == "hello"
    assert whole[1] == hello.stat().st_size
    assert {child[0] for child in whole[5]} >= {".text", ".gopclntab", ".debug_info"}

    def check(node: list[Any]) -> None:
        for child in node[5]:
            left, top, width, height = child[4]
            assert 0 <= left <= left + width <= 10_001
            assert 0 <= top <= top + height <= 10_001
            check(child)
        assert not node[5] or sum(child[1] for child in node[5]) == node[1]

    check(whole)
    shown = " ".join(page.text)
    for part in ("static Go", "the instructions", "runtime.schedinit", "-s, strip"):
        assert part in shown


def test_the_page_of_a_change(tmp_path: Path, hello: Path, stripped: Path) -> None:
    file = tmp_path / "page.html"
    done = golab("anatomy", hello, "--diff", stripped, "--html", file)
    assert done.returncode == 0, done.stderr
    page = Page(file.read_text())
    whole = json.loads(page.scripts[0])
    assert whole[2] == stripped.stat().st_size - hello.stat().st_size
    looks = {child[0]: child[3] for child in whole[5]}
    assert looks[".symtab"] == looks[".debug_info"] == "less3"
    assert looks[".text"] == looks[".gopclntab"] == "same"


def test_a_page_is_not_overwritten_unasked(tmp_path: Path, hello: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("precious")
    arguments = ("anatomy", hello, "--no-dwarf", "--html", file)
    assert "--force" in refused(golab(*arguments))
    assert file.read_text() == "precious"
    assert golab(*arguments, "--force").returncode == 0
    assert file.read_text().startswith("<!doctype html>")
    missing = tmp_path / "nowhere" / "page.html"
    assert "is not there" in refused(golab("anatomy", hello, "--html", missing))


# Hostile names


def test_names_cannot_steer_a_terminal(hostile: Path, hello: Path) -> None:
    for arguments in ((hostile,), (hello, "--diff", hostile)):
        done = golab("anatomy", *arguments, "--top", "100000")
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        odd = {c for c in done.stdout if not c.isprintable()} - {"\n"}
        assert odd == set()
        assert "</script><b>\\x1b[31mx" in done.stdout


def test_names_cannot_write_html(tmp_path: Path, hostile: Path, hello: Path) -> None:
    plain, cruel = tmp_path / "plain.html", tmp_path / "cruel.html"
    for own, file in ((hello, plain), (hostile, cruel)):
        assert golab("anatomy", own, "--html", file).returncode == 0
    clean, found = Page(plain.read_text()), Page(cruel.read_text())
    assert len(found.scripts) == 2
    assert found.scripts[1] == clean.scripts[1]
    assert set(found.tags) == set(clean.tags)
    assert set(found.attributes) == set(clean.attributes)
    assert not {"b", "i", "img"} & set(found.tags)
    assert {"<img src=x onerr>", "</script><b>\\x1b[31mx"} <= {text.strip() for text in found.text}
    whole = json.loads(found.scripts[0])
    assert whole[0] == hostile.name
    # The policy lets nothing else run, even if escaping failed.
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', cruel.read_text())
    assert policy
    assert "default-src &#39;none&#39;" in policy[1]
    assert "unsafe" not in policy[1]


def test_a_file_name_that_is_no_text(tmp_path: Path, hello: Path) -> None:
    file = tmp_path / os.fsdecode(b"\xff\x1b[31m")
    file.write_bytes(hello.read_bytes())
    page, result = tmp_path / "page.html", tmp_path / "result.json"
    done = golab("anatomy", file, "--no-dwarf", "--html", page, "--json", result)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert json.loads(result.read_text())["file"].endswith("\\xff\x1b[31m")
    assert json.loads(Page(page.read_text()).scripts[0])[0].endswith("\\x1b[31m")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no ELF file"),
        (b"#!/bin/sh\n", "no ELF file"),
        (b"\x7fELF", "damaged"),
        (b"\x7fELF" + bytes(100), "damaged|truncated|unknown|ELF"),
        (b"MZ" + bytes(100), "Windows"),
    ],
)
def test_what_is_no_program_is_refused_in_one_sentence(
    tmp_path: Path, hello: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "odd"
    file.write_bytes(content)
    assert re.search(message, refused(golab("anatomy", file)))
    assert re.search(message, refused(golab("anatomy", hello, "--diff", file)))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be opened" in refused(golab("anatomy", tmp_path / "nowhere"))
    assert "no ordinary file" in refused(golab("anatomy", tmp_path))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "no ordinary file" in refused(golab("anatomy", pipe))


def test_a_file_without_its_end_gives_what_is_there_or_a_sentence(
    tmp_path: Path, hello: Path
) -> None:
    file = tmp_path / "half"
    file.write_bytes(hello.read_bytes()[: hello.stat().st_size // 2])
    done = golab("anatomy", file, "--html", tmp_path / "half.html")
    if done.returncode:
        refused(done)
    else:
        assert "note: " in done.stdout
        assert number(lines(done.stdout, "SECTION")["total"][0]) == file.stat().st_size


def test_wrong_use(hello: Path) -> None:
    for arguments in ((), (hello, "--top", "0"), (hello, "--top", "many")):
        done = golab("anatomy", *arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
