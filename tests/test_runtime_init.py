"""Every step before main, timed: what comes back, and which programs cannot be timed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from labhelpers.configs import find_config
from labhelpers.errors import LabError
from labhelpers.programs import find_program
from labhelpers.runtime.init import PLAIN, STAMPED, Init, measure_init
from labhelpers.runtime.instrument import Extra, Stamp
from labhelpers.runtime.report import NAMES, VARIABLE, read_reports
from labhelpers.runtime.steps import SENTENCES, what
from labhelpers.startup.spawn import LaunchFailed
from labhelpers.toolchain import Toolchain

Package = Callable[..., Path]
HEAD = "package main\n\n"


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """Return a function that writes a main package of the user's own: its files by name."""

    def write(main: str, **files: str) -> Path:
        folder = tmp_path / "own tool"
        for name, text in {"go.mod": "module example.org/tool\n\ngo 1.21\n", **files}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        (folder / "main.go").write_text(HEAD + main)
        return folder

    return write


@pytest.fixture(scope="module")
def hello(current_go: Toolchain) -> Init:
    return measure_init(find_program("hello"), current_go, rounds=8, seed=1)


def of_package(folder: Path, go: Toolchain, **rest: object) -> Init:
    return measure_init(find_program(folder), go, rounds=6, seed=1, **rest)  # type: ignore[arg-type]


# What comes back


def test_the_steps_sum_to_the_whole_in_every_start(hello: Init) -> None:
    stamped = [start for start in hello.launches if start.steps_ns]
    assert len(stamped) == 8 + 4  # the twins take turns
    assert {start.launch.command.split()[0] for start in stamped} == {STAMPED}
    for start in stamped:
        assert len(start.steps_ns) == len(hello.steps)
        assert start.entry_ns is not None
        assert start.entry_ns + sum(start.steps_ns) < start.launch.timing.wall_ns
        assert min(start.steps_ns) >= 0
    assert hello.explained == 1.0
    assert 0 < hello.share < 1


def test_steps_have_medians_intervals_words_and_places(hello: Init, current_go: Toolchain) -> None:
    for step in hello.steps:
        low, high = step.ci95_ns
        assert low <= step.median_ns <= high
        assert step.what.endswith((".", ")."))
        assert "no words" not in step.what, step
        file, _, line = step.source.partition(":")
        assert int(line) <= len((current_go.goroot / "src" / file).read_text().splitlines())
    functions = [step.function for step in hello.steps]
    assert set(functions) == {"rt0_go", "schedinit", "runtime.main", "init tasks"}
    assert functions[0] == "rt0_go"
    named = {step.step for step in hello.steps if step.function == "init tasks"}
    assert {"runtime", "os"} <= named
    low, high = hello.whole_ns.ci95_ns
    assert low <= hello.whole_ns.median_ns <= high


def test_the_document_is_whole(hello: Init, current_go: Toolchain) -> None:
    document = json.loads(json.dumps(hello.as_dict()))
    assert document["schema"] == "golab/init/1"
    assert (document["go"], document["program"]) == (current_go.release, "hello")
    assert document["gomaxprocs"] >= 1
    assert {"function", "step", "median_ns", "ci95_ns", "what", "source"} == set(
        document["steps"][0]
    )
    assert {"ratio", "ci95", "baseline", "candidate"} <= set(document["overhead"])
    assert (document["overhead"]["baseline"], document["overhead"]["candidate"]) == (PLAIN, STAMPED)
    assert len(document["launches"]) == 8 * 3
    assert document["seed"] == 1
    assert len(hello.to_frame()) == len(hello.steps)


def test_the_notes_say_what_a_stamp_costs(hello: Init) -> None:
    assert hello.stamp_ns > 0
    assert f"about {hello.stamp_ns:.0f} ns" in hello.notes[0]


def test_a_slow_init_is_found_where_it_is(package: Package, current_go: Toolchain) -> None:
    folder = package(
        'import (\n\t"example.org/tool/slow"\n)\n\nfunc main() { println(slow.X) }\n',
        **{
            "slow/slow.go": 'package slow\n\nimport "time"\n\nvar X int\n\n'
            "func init() { for begin := time.Now(); time.Since(begin) < 5e6; { X++ } }\n"
        },
    )
    found = of_package(folder, current_go)
    (slow,) = [step for step in found.steps if step.step == "example.org/tool/slow"]
    assert slow.median_ns >= 5e6
    assert slow.function == "init tasks"
    assert max(found.steps, key=lambda step: step.median_ns) == slow


def test_gomaxprocs_is_taken(current_go: Toolchain) -> None:
    found = measure_init(find_program("hello"), current_go, gomaxprocs=33, rounds=6)
    assert found.gomaxprocs == 33
    extra = Extra("runtime/proc.go", "procresize"), Extra("runtime/malloc.go", "mallocinit")
    split = measure_init(find_program("empty"), current_go, gomaxprocs=33, rounds=6, extra=extra)
    inner = [step for step in split.steps if step.function == "procresize"]
    assert "pp.init" in {step.step for step in inner}


def test_progress_is_told(current_go: Toolchain) -> None:
    told: list[tuple[int, int]] = []
    measure_init(
        find_program("hello"), current_go, rounds=6, progress=lambda *more: told.append(more)
    )
    assert sum(more for more, _ in told) == 18 == told[0][1]


# Programs of all kinds


def test_a_server_is_started_asked_and_ended(current_go: Toolchain) -> None:
    found = measure_init(find_program("httpd"), current_go, rounds=6)
    assert "net/http" in {step.step for step in found.steps}
    assert all(start.launch.timing.ready_ns for start in found.launches)


def test_arguments_and_much_output_do_no_harm(package: Package, current_go: Toolchain) -> None:
    folder = package(
        'import "os"\n\nfunc main() {\n\tif len(os.Args) != 3 || os.Args[2] != "b" {\n'
        "\t\tos.Exit(2)\n\t}\n\tfor i := 0; i < 300; i++ {\n"
        "\t\tos.Stdout.Write(make([]byte, 1<<12))\n"
        "\t\tos.Stderr.Write(make([]byte, 1<<12))\n\t}\n}\n"
    )
    found = of_package(folder, current_go, arguments=("a", "b"))
    assert found.rounds == 6
    with pytest.raises(
        LaunchFailed, match=r"own tool exited with status 2.*arguments \(--args\)\?$"
    ):
        of_package(folder, current_go)


def test_a_vendored_package_is_built_as_it_is(package: Package, current_go: Toolchain) -> None:
    folder = package(
        'import "example.org/lib"\n\nfunc main() { println(lib.X) }\n',
        **{
            "go.mod": "module example.org/tool\n\ngo 1.21\n\nrequire example.org/lib v1.0.0\n",
            "vendor/modules.txt": "# example.org/lib v1.0.0\n## explicit; go 1.21\n"
            "example.org/lib\n",
            "vendor/example.org/lib/lib.go": "package lib\n\nvar X = f()\n\n"
            "//go:noinline\nfunc f() int { return 3 }\n",
        },
    )
    assert "example.org/lib" in {step.step for step in of_package(folder, current_go).steps}


def test_a_workspace_of_ones_own_is_used(package: Package, current_go: Toolchain) -> None:
    folder = package(
        'import "example.org/lib"\n\nfunc main() { println(lib.X) }\n',
        **{
            "go.work": "go 1.21\n\nuse (\n\t.\n\t./lib\n)\n",
            "lib/go.mod": "module example.org/lib\n\ngo 1.21\n",
            "lib/lib.go": "package lib\n\nvar X = f()\n\n"
            "//go:noinline\nfunc f() int { return 3 }\n",
        },
    )
    assert "example.org/lib" in {step.step for step in of_package(folder, current_go).steps}


def test_a_program_that_starts_itself_is_told_from_its_child(
    package: Package, current_go: Toolchain
) -> None:
    folder = package(
        'import (\n\t"os"\n\t"os/exec"\n)\n\n'
        'func init() {\n\tif os.Getenv("CHILD") == "" {\n\t\tc := exec.Command(os.Args[0])\n'
        '\t\tc.Env = append(os.Environ(), "CHILD=1")\n\t\t_ = c.Run()\n\t}\n}\n\n'
        "func main() {}\n"
    )
    found = of_package(folder, current_go)
    (own,) = [step for step in found.steps if step.step == "main"]
    # Its init waits for the child's whole start, which is most of its own.
    assert own.median_ns > found.whole_ns.median_ns / 4


# What cannot be timed


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ("os.Exit(0)", "own tool ended well before its main function"),
        ("os.Exit(3)", "own tool exited with status 3: .* It did not get to its main function"),
        ('panic("x")', "own tool exited with status 2: .* It did not get to its main function"),
        ("select {}", "own tool exited with status 2: .* It did not get to its main function"),
    ],
)
def test_a_program_that_ends_before_main_is_said_so(
    package: Package, current_go: Toolchain, init: str, said: str
) -> None:
    folder = package(
        f'import "os"\n\nvar _ = os.Args\n\nfunc init() {{ {init} }}\nfunc main() {{}}\n'
    )
    with pytest.raises(LaunchFailed, match=said):
        of_package(folder, current_go)


def test_a_program_that_does_not_end_is_said_so(package: Package, current_go: Toolchain) -> None:
    folder = package('import "time"\n\nfunc main() { time.Sleep(1e12) }\n')
    with pytest.raises(LaunchFailed, match="own tool did not end within 1 s"):
        of_package(folder, current_go, timeout=1.0)


def test_what_does_not_build_is_said_in_a_sentence(package: Package, current_go: Toolchain) -> None:
    folder = package("func main() { undefined() }\n")
    with pytest.raises(LabError, match=r"own tool could not be built with Go .*: .*undefined"):
        of_package(folder, current_go)


def test_a_package_for_a_newer_go_is_said_so(package: Package, current_go: Toolchain) -> None:
    folder = package("func main() {}\n", **{"go.mod": "module example.org/tool\n\ngo 1.99\n"})
    with pytest.raises(LabError, match=r"could not be built.*requires go >= 1\.99"):
        of_package(folder, current_go)


def test_wrong_numbers_are_refused(current_go: Toolchain) -> None:
    program = find_program("hello")
    with pytest.raises(LabError, match="GOMAXPROCS cannot be 0"):
        measure_init(program, current_go, gomaxprocs=0)
    with pytest.raises(LabError, match="at least 6"):
        measure_init(program, current_go, rounds=5)


def test_a_failed_configuration_is_a_sentence(current_go: Toolchain) -> None:
    with pytest.raises(LabError, match=r"hello could not be built .*external\+trim"):
        measure_init(find_program("hello"), current_go, find_config("external+trim"), rounds=6)


# Reports as text

STAMPS = [Stamp("rt0_go", "check", "a.go:1"), Stamp("schedinit", "one", "a.go:2")]
GOOD = "golab-init 1 2\nentry 0 100\nstamp 0 50\ntask 3 70 8 a/b%2ec\nstamp 1 71\n"
COSTS = "cost 0 200\ncost 1 230\ncost 2 250\nend 0 0\n"


@pytest.mark.parametrize("end", ["", "\0\0\0"])
def test_a_report_is_read(end: str) -> None:
    (report,) = read_reports(GOOD + COSTS + end, STAMPS, "x.go:7")
    assert report.names == (("rt0_go", "check"), ("init tasks", "a/b.c"), ("schedinit", "one"))
    assert report.steps_ns == (50, 20, 1)
    assert [step.at_ns for step in report.reached] == [150, 170, 171]
    assert (report.whole_ns, report.gomaxprocs, report.cost_ns) == (71, 2, 20)
    assert [step.functions for step in report.reached] == [None, 3, None]


def test_packages_that_were_told_need_not_be_told_again() -> None:
    packages: dict[int, str] = {}
    first = read_reports(GOOD + COSTS, STAMPS, "", packages)
    assert packages == {8: "a/b.c"}
    short = (GOOD + COSTS).replace(" a/b%2ec", "")
    assert read_reports(short, STAMPS, "", packages) == first
    with pytest.raises(LabError, match="cannot be read"):
        read_reports(short, STAMPS)


def test_without_an_entry_of_its_own_the_first_stamp_begins() -> None:
    (report,) = read_reports(GOOD.replace("stamp 0 50", "stamp 0 0") + COSTS, STAMPS)
    assert (report.entry_ns, report.steps_ns) == (100, (70, 1))


def test_the_earliest_of_several_reports_is_first() -> None:
    late = (GOOD + COSTS).replace("entry 0 100", "entry 0 120")
    found = read_reports(late + GOOD + COSTS, STAMPS)
    assert [report.entry_ns for report in found] == [100, 120]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD, "no end"),
        ("golab-init x\n" + COSTS, "cannot be read"),
        ((GOOD + COSTS).replace("stamp 1", "stamp 9"), "cannot be read"),
        ((GOOD + COSTS).replace("stamp 1", "other 1"), "cannot be read"),
        (GOOD.replace(" 70 ", " 40 ") + COSTS, "ran backwards"),
        (GOOD + "full 16384 0\n" + COSTS, "more than 16384 stamps"),
    ],
)
def test_what_is_no_report_is_refused(text: str, said: str) -> None:
    with pytest.raises(LabError, match=said):
        read_reports(text, STAMPS)


def test_no_report_is_none() -> None:
    assert read_reports("", STAMPS) == []


# Words


def test_words_follow_the_release() -> None:
    old, new = (what("schedinit", "mcommoninit", release) for release in ("1.24.11", "1.25.5"))
    assert old != new
    assert what("schedinit", "mcommoninit", "1.27.3") == new
    assert what("schedinit", "frobnicate", "1.27.3") == (
        "A step of schedinit that golab has no words for."
    )
    assert "2 init functions" in what("init tasks", "os", "1.27.3", 2)
    assert "(1 init function)" in what("init tasks", "os", "1.27.3", 1)


def test_every_sentence_is_one() -> None:
    for own in SENTENCES.values():
        for text in own.values() if not isinstance(own, str) else [own]:
            assert text[0].isupper()
            assert text.rstrip(".)") != text
            assert len(text) < 260, text


def test_no_environment_is_left_changed(hello: Init) -> None:
    assert not {VARIABLE, NAMES}.intersection(os.environ)
