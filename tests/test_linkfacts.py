import re
import shutil
import subprocess
from pathlib import Path

import pytest

from labhelpers.binary.elf import BinaryError
from labhelpers.build import build
from labhelpers.configs import find_config
from labhelpers.experiments.cbuild import CFolder, Step
from labhelpers.experiments.linkfacts import link_facts, said
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain


def built(name: str, config: str, go: Toolchain) -> Path:
    binary = build(find_program(name), find_config(config), go)
    assert binary.path, binary.log
    return binary.path


def test_three_kinds_of_files(current_go: Toolchain) -> None:
    static = link_facts(built("hello", "default", current_go), "mine")
    assert (static.file, static.link) == ("mine", "needs no other file")
    assert static.verdict == "static Go"
    assert (static.loader, static.dynamic_entries, static.needed) == ("", 0, ())
    assert (static.glibc, static.kernel) == ("", "")

    pie = link_facts(built("hello", "pie", current_go))
    assert (pie.link, pie.verdict) == ("needs a loader only", "PIE without libraries")
    assert pie.needed == ()
    assert pie.loader.startswith("/lib")
    assert pie.dynamic_entries > 0


def test_what_brings_c_brings_libraries(current_go: Toolchain) -> None:
    if not current_go.cc:
        pytest.skip("no C compiler")
    facts = link_facts(built("netuser", "default", current_go))
    assert facts.link == "needs libraries"
    assert "libc.so.6" in facts.needed
    assert facts.glibc.startswith("GLIBC_2.")
    assert link_facts(built("netuser", "trim", current_go)).link == "needs no other file"


def test_the_facts_agree_with_readelf(current_go: Toolchain) -> None:
    if not shutil.which("readelf") or not current_go.cc:
        pytest.skip("no readelf, or no C compiler")
    path = built("netuser", "default", current_go)
    facts = link_facts(path)
    text = subprocess.run(
        ["readelf", "-dVW", str(path)], capture_output=True, text=True, check=True
    ).stdout
    for library in facts.needed:
        assert f"Shared library: [{library}]" in text
    assert text.count("(NEEDED)") == len(facts.needed)
    assert f"contains {facts.dynamic_entries + 1} entries" in text
    assert facts.glibc in text
    newer = f"GLIBC_2.{int(facts.glibc.partition('.')[2].partition('.')[0]) + 1}"
    assert newer not in text


def test_an_object_file_is_read_and_a_text_is_not(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    with pytest.raises(BinaryError, match="no ELF file"):
        link_facts(text)


def test_what_a_tool_says_comes_without_addresses() -> None:
    step = Step("ldd x", 0, "\tlibc.so.6 => /lib/libc.so.6 (0x00007f01)\n\tld (0x7f)\n", "")
    assert said(step).prints == "libc.so.6 => /lib/libc.so.6; ld"
    assert (said(step).stream, said(step).command) == ("stdout", "ldd x")
    assert said(Step("x", 1, "", "\tno\n")).stream == "stderr"
    assert said(Step("x", 0, "", "")).stream == "nothing"


def test_ldd_itself_is_asked() -> None:
    if not shutil.which("ldd"):
        pytest.skip("no ldd")
    with CFolder("relocations") as work:
        if work.impossible:
            pytest.skip(work.impossible)
        work.lines("-o dynamic main.c twice.c", "-static -o app main.c twice.c")
        assert "libc.so" in said(work.run("ldd", "dynamic")).prints
        static = said(work.run("ldd", "app"))
        assert (static.exit_status, static.stream) == (1, "stderr")


def test_the_oldest_kernel_is_the_one_that_readelf_shows() -> None:
    if not shutil.which("readelf"):
        pytest.skip("no readelf")
    with CFolder("relocations") as work:
        if work.impossible:
            pytest.skip(work.impossible)
        work.lines("-o dynamic main.c twice.c", "-static -o app main.c twice.c")
        for name in ("app", "dynamic"):
            notes = work.run("readelf", "-nW", name).output
            shown = re.findall(r"OS: Linux, ABI: ([\d.]+)", notes)
            assert [link_facts(work.file(name)).kernel] == (shown or [""])
