"""System calls of a start: strace's lines, and real starts where there is a strace."""

from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import syscalls
from labhelpers.experiments.syscalls import by_stage, call_differences, opened, parse_strace
from labhelpers.overlayfiles import checked
from labhelpers.runtime.overlay import MissingAnchor
from labhelpers.toolchain import Toolchain

TRACE = r"""100 execve("/p/hello", ["/p/hello"], 0x7ff /* 3 vars */) = 0
100 openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3
100 openat(AT_FDCWD, "/lib/missing.so", O_RDONLY) = -1 ENOENT (No such file or directory)
100 write(18446744073709551615, "golab schedinit", 15) = -1 EBADF (Bad file descriptor)
100 clone3({flags=CLONE_VM, exit_signal=0} => {parent_tid=[101]}, 88) = 101
101 openat(AT_FDCWD, "/proc/a \"b\" = 7", O_RDONLY <unfinished ...>
100 --- SIGURG {si_signo=SIGURG, si_code=SI_TKILL} ---
100 futex(0x5c, FUTEX_WAIT_PRIVATE, 0, NULL <unfinished ...>
101 <... openat resumed>)            = 5
101 write(18446744073709551615, "golab main.main", 15) = -1 EBADF (Bad file descriptor)
101 write(1, "hello\n", 6)           = 6
101 exit_group(0)                    = ?
100 <... futex resumed>)             = ?
101 +++ exited with 0 +++
100 +++ exited with 0 +++
"""


def test_calls_are_read_in_the_order_in_which_they_began() -> None:
    calls = parse_strace(TRACE)
    names = [call.name for call in calls]
    assert names[:3] == ["execve", "openat", "openat"]
    assert names[4:] == ["clone3", "openat", "futex", "write", "write", "exit_group"]
    assert {call.thread for call in calls} == {100, 101}
    resumed = calls[5]
    assert (resumed.path, resumed.result) == (r"/proc/a \"b\" = 7", "5")
    assert calls[-1].result == "?"


def test_files_count_once_and_only_where_they_opened() -> None:
    assert opened(parse_strace(TRACE)) == ["/etc/ld.so.cache", r"/proc/a \"b\" = 7"]


def test_marks_divide_a_start_and_do_not_count() -> None:
    stages = by_stage(parse_strace(TRACE))
    names = {stage: [call.name for call in calls] for stage, calls in stages.items()}
    assert names == {
        "loading": ["openat", "openat"],
        "runtime": ["clone3", "openat", "futex"],
        "main": ["write", "exit_group"],
    }


def test_a_start_without_marks_is_refused() -> None:
    with pytest.raises(LabError, match=r"no mark 'golab main\.main'"):
        by_stage(parse_strace("\n".join(x for x in TRACE.split("\n") if "main.main" not in x)))


def test_differences_stand_by_size() -> None:
    rows = call_differences("mmap:5 read:2 brk:1", "mmap:9 clone3:4 read:2")
    assert [(row.call, row.first, row.second, row.more) for row in rows] == [
        ("clone3", 0, 4, 4),
        ("mmap", 5, 9, 4),
        ("brk", 1, 0, -1),
    ]


def test_marks_are_put_before_schedinit_and_before_main(current_go: Toolchain) -> None:
    ((file, text),) = checked(syscalls.marked(current_go))
    assert file == "runtime/proc.go"
    for mark, function in zip(syscalls.MARKS, ("schedinit", "main"), strict=True):
        before = text[: text.index(f'"{mark}"')]
        last = before[before.rindex("\nfunc ") + 1 :]
        assert last.startswith(f"func {function}() {{\n")


def test_a_runtime_without_the_places_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "src" / "runtime"
    source.mkdir(parents=True)
    (source / "proc.go").write_text("package runtime\n")
    with pytest.raises(MissingAnchor, match="schedinit"):
        syscalls.marked(Toolchain("9.9.9", tmp_path, None))


@pytest.mark.skipif(syscalls.impossible() is not None, reason="no strace")
def test_a_real_start_is_divided(current_go: Toolchain) -> None:
    if current_go.cc is None:
        pytest.skip("no C compiler")
    modes = ("internal", "external")
    found = syscalls.start_calls(current_go, ["hello"], modes)
    inside, outside = found
    assert (inside.libraries, outside.libraries != "") == ("", True)
    assert outside.loading > inside.loading
    assert outside.total == outside.loading + outside.runtime + outside.main
    assert outside.before_main < outside.total
    assert "/proc/self/maps" not in inside.opened
    more = {row.call: row.more for row in call_differences(inside.calls, outside.calls)}
    assert more["mprotect"] > 0
