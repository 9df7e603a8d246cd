import os
import shutil
from pathlib import Path

import pytest

from labhelpers.doctor import Finding, as_text, examine

SUBJECTS = {
    *("Python", "Go, current", "Go, article", "C compiler", "linker", "perf events"),
    *("page cache", "read-ahead", "cores", "memory", "virtualised", "disk", "load"),
    *("tools", "empty root"),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLAB_CACHE", str(tmp_path / "cache"))


def by_subject() -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine()}


def test_every_subject_is_examined_and_advice_says_what_to_do() -> None:
    findings = by_subject()
    assert findings.keys() == SUBJECTS
    for finding in findings.values():
        assert finding.found
        assert bool(finding.advice) == (finding.state != "ok"), finding


def test_missing_tools_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/no/such/folder")
    finding = by_subject()["tools"]
    assert (finding.found, finding.state) == ("none", "limited")
    for word in ("readelf", "objcopy", "gdb", "apt install", "binutils"):
        assert word in finding.advice


def test_the_installed_go_runs() -> None:
    finding = by_subject()["Go, current"]
    assert finding.state == "ok"
    assert finding.found.startswith("go version go")


def test_nothing_is_downloaded(tmp_path: Path) -> None:
    assert "to be fetched" in by_subject()["Go, article"].found
    assert list((tmp_path / "cache/toolchains").iterdir()) == []


def test_a_compiler_that_does_not_run_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/no/such/compiler")
    findings = by_subject()
    assert findings["C compiler"].state == "missing"
    assert "/no/such/compiler" in findings["C compiler"].advice
    assert findings["linker"].state == "missing"


def test_a_compiler_that_cannot_link_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken-cc"
    broken.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "broken 1" && exit\necho "no ld" >&2; exit 1\n'
    )
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    findings = by_subject()
    assert findings["C compiler"].state == "ok"
    assert findings["linker"].state == "missing"
    assert "no ld" in findings["linker"].advice


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs a RAM disk at /dev/shm")
def test_a_cache_in_memory_cannot_be_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLAB_CACHE", f"/dev/shm/golab-test-{os.getpid()}")
    try:
        finding = by_subject()["page cache"]
    finally:
        shutil.rmtree(f"/dev/shm/golab-test-{os.getpid()}")
    assert finding.state == "limited"
    assert "tmpfs" in finding.found


def test_text_is_aligned_and_narrow() -> None:
    findings = [
        Finding("a", "all well", "ok"),
        Finding("a longer subject", "not so", "limited", "Do this. " * 30),
    ]
    first, second, *advice = as_text(findings).splitlines()
    assert first.index("all well") == second.index("not so")
    assert advice[0].strip().startswith("→ Do this.")
    assert max(map(len, advice)) <= 100
    assert as_text([]) == ""
